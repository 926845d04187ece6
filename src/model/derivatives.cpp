#include "model/derivatives.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "gpu/gpu.hpp"
#include "model/blas.hpp"
#include "model/host_attention.hpp"
#include "model/host_kernels.hpp"

namespace moewire {
namespace {

using blas::Lies;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Swiglu : Function<Swiglu> {
    static at::Tensor forward(AutogradContext* context, at::Tensor const& gate_up) {
        context->save_for_backward({gate_up});
        if (host_kernels::suit(gate_up)) return host_kernels::swiglu(gate_up);
        if (gate_up.is_cuda()) return gpu().swiglu(gate_up);
        auto const halves = gate_up.chunk(2, -1);
        return at::silu(halves[0]).mul_(halves[1]);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto const gate_up = context->get_saved_variables()[0];
        if (host_kernels::suit(gate_up) && host_kernels::suit(gradients[0]))
            return {host_kernels::swiglu_back(gate_up, gradients[0])};
        auto const halves = gate_up.chunk(2, -1);
        auto const result = at::empty_like(gate_up);
        auto const parts = result.chunk(2, -1);
        auto of_gate = parts[0], of_up = parts[1];
        at::mul_out(of_up, gradients[0], at::silu(halves[0]));
        at::mul_out(of_gate, gradients[0], halves[1]);
        at::silu_backward_out(of_gate, of_gate, halves[0]);
        return {result};
    }
};

struct HostAttention : Function<HostAttention> {
    static at::Tensor forward(AutogradContext* context, at::Tensor const& q, at::Tensor const& k,
                              at::Tensor const& v, double scale, std::int64_t window) {
        at::Tensor log_totals;
        auto const out = host_kernels::attend(q, k, v, scale, window, &log_totals);
        context->save_for_backward({q, k, v, out, log_totals});
        context->saved_data["scale"] = scale;
        context->saved_data["window"] = window;
        return out;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto const s = context->get_saved_variables();
        auto const back = host_kernels::attend_back(s[0], s[1], s[2], s[3], s[4], gradients[0],
                                                    context->saved_data["scale"].toDouble(),
                                                    context->saved_data["window"].toInt());
        return {back.of_q, back.of_k, back.of_v, {}, {}};
    }
};

struct RmsNorm : Function<RmsNorm> {
    static at::Tensor forward(AutogradContext* context, at::Tensor const& x, at::Tensor const& weight,
                              double eps) {
        if (host_kernels::suit(x) && host_kernels::suit(weight)) {
            at::Tensor scales;
            auto const out = host_kernels::rms_norm(x, weight, eps, &scales);
            context->save_for_backward({x, weight, scales});
            context->saved_data["on_host"] = true;
            return out;
        }
        auto const wide = x.to(at::kFloat);
        auto const scale = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true).add_(eps));
        context->save_for_backward({x, weight, scale});
        return (wide * scale).to(x.scalar_type()).mul_(weight);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto const saved = context->get_saved_variables();
        auto const &x = saved[0], &weight = saved[1], &scale = saved[2];
        if (context->saved_data.count("on_host") != 0) {
            auto const back = host_kernels::rms_norm_back(x, weight, scale, gradients[0]);
            return {back.of_x, back.of_weight, {}};
        }
        auto const direction = x.to(at::kFloat) * scale;
        auto const wide = gradients[0].to(at::kFloat);
        auto const inner = wide * weight.to(at::kFloat);
        auto const along = (inner * direction).mean(-1, /*keepdim=*/true);
        auto const of_x = at::addcmul(inner, direction, along, -1).mul_(scale).to(x.scalar_type());
        auto const of_weight = (wide * direction).reshape({-1, weight.size(0)}).sum(0);
        return {of_x, of_weight.to(weight.scalar_type()), {}};
    }
};

struct Gathered : Function<Gathered> {
    static at::Tensor forward(AutogradContext* context, at::Tensor const& hidden, at::Tensor const& order,
                              at::Tensor const& place, std::int64_t top_k) {
        context->save_for_backward({place});
        context->saved_data["top_k"] = top_k;
        return hidden.index_select(0, at::floor_divide(order, top_k));
    }
    // Every token sums its own rows: no two writers of one row, hence the same sum each time.
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto const place = context->get_saved_variables()[0];
        auto const top_k = context->saved_data["top_k"].toInt();
        if (host_kernels::suit(gradients[0])) {
            auto const ones = at::ones({place.size(0) / top_k, top_k}, gradients[0].options());
            return {host_kernels::combine(gradients[0], place, ones), {}, {}, {}};
        }
        auto const by_token = gradients[0].index_select(0, place).view({-1, top_k, gradients[0].size(1)});
        return {by_token.sum(1), {}, {}, {}};
    }
};

struct Combined : Function<Combined> {
    static at::Tensor forward(AutogradContext* context, at::Tensor const& results, at::Tensor const& order,
                              at::Tensor const& place, at::Tensor const& weights) {
        context->save_for_backward({results, order, place, weights});
        if (host_kernels::suit(results) && host_kernels::suit(weights))
            return host_kernels::combine(results, place, weights);
        auto const tokens = weights.size(0), top_k = weights.size(1);
        auto const answers = results.index_select(0, place).view({tokens, top_k, results.size(1)});
        return at::bmm(weights.to(results.scalar_type()).unsqueeze(1), answers).squeeze(1);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto const saved = context->get_saved_variables();
        auto const &results = saved[0], &order = saved[1], &place = saved[2], &weights = saved[3];
        if (host_kernels::suit(results) && host_kernels::suit(weights)) {
            auto const back = host_kernels::combine_back(results, place, weights, gradients[0]);
            return {back.of_results, {}, {}, back.of_weights};
        }
        auto const tokens = weights.size(0), top_k = weights.size(1);
        auto const gradient = gradients[0].contiguous();
        auto const answers = results.index_select(0, place).view({tokens, top_k, results.size(1)});
        auto const of_weights = at::bmm(answers, gradient.unsqueeze(2)).squeeze(2).to(weights.scalar_type());
        auto const share = weights.to(results.scalar_type()).reshape({-1, 1}).index_select(0, order);
        auto const of_results = gradient.index_select(0, at::floor_divide(order, top_k)).mul_(share);
        return {of_results, {}, {}, of_weights};
    }
};

// Slots, shared among threads, each with what this thread does not lose on the way.
void for_each_slot(std::vector<std::int64_t> const& slot_end,
                   std::function<void(std::int64_t, std::int64_t, std::int64_t)> const& work) {
    at::ThreadLocalState const state;
    at::parallel_for(0, static_cast<std::int64_t>(slot_end.size()), 1,
                     [&](std::int64_t from, std::int64_t to) {
                         at::ThreadLocalStateGuard const same(state);
                         for (auto slot = from; slot < to; ++slot) {
                             auto const place = static_cast<std::size_t>(slot);
                             auto const begin = place == 0 ? 0 : slot_end[place - 1];
                             work(slot, begin, slot_end[place] - begin);
                         }
                     });
}

struct BySlot : Function<BySlot> {
    static at::Tensor forward(AutogradContext* context, at::Tensor const& rows, at::Tensor const& weights,
                              std::vector<std::int64_t> slot_end) {
        context->save_for_backward({rows, weights});
        auto const out = at::empty({rows.size(0), weights.size(1)}, rows.options());
        auto const inputs = weights.size(2), outputs = weights.size(1);
        bool const direct = blas::suits({rows, weights});
        for_each_slot(slot_end, [&](std::int64_t slot, std::int64_t begin, std::int64_t count) {
            if (count == 0) return;
            if (direct)
                return blas::multiply(count, outputs, inputs, rows.const_data_ptr<float>() + begin * inputs,
                                      Lies::straight,
                                      weights.const_data_ptr<float>() + slot * outputs * inputs,
                                      Lies::transposed, out.mutable_data_ptr<float>() + begin * outputs);
            auto target = out.narrow(0, begin, count);
            at::mm_out(target, rows.narrow(0, begin, count), weights[slot].t());
        });
        context->saved_data["slot_end"] = std::move(slot_end);
        return out;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto const saved = context->get_saved_variables();
        auto const &rows = saved[0], &weights = saved[1];
        auto const slot_end = context->saved_data["slot_end"].toIntVector();
        auto const gradient = gradients[0].contiguous();
        bool const wants_weights = context->needs_input_grad(1);
        auto const of_rows = at::empty_like(rows);
        auto const of_weights = wants_weights ? at::empty_like(weights) : at::Tensor();
        auto const inputs = weights.size(2), outputs = weights.size(1);
        bool const direct = blas::suits({rows, weights, gradient});
        for_each_slot(slot_end, [&](std::int64_t slot, std::int64_t begin, std::int64_t count) {
            if (count == 0) {
                if (wants_weights) of_weights[slot].zero_();
                return;
            }
            if (direct) {
                auto const* slope = gradient.const_data_ptr<float>() + begin * outputs;
                auto const place = slot * outputs * inputs;
                blas::multiply(count, inputs, outputs, slope, Lies::straight,
                               weights.const_data_ptr<float>() + place, Lies::straight,
                               of_rows.mutable_data_ptr<float>() + begin * inputs);
                if (wants_weights)
                    blas::multiply(outputs, inputs, count, slope, Lies::transposed,
                                   rows.const_data_ptr<float>() + begin * inputs, Lies::straight,
                                   of_weights.mutable_data_ptr<float>() + place);
                return;
            }
            auto const mine = gradient.narrow(0, begin, count);
            auto rows_target = of_rows.narrow(0, begin, count);
            at::mm_out(rows_target, mine, weights[slot]);
            if (wants_weights) {
                auto target = of_weights[slot];
                at::mm_out(target, mine.t(), rows.narrow(0, begin, count));
            }
        });
        return {of_rows, of_weights, {}};
    }
};

}  // namespace

at::Tensor differentiable_swiglu(at::Tensor const& gate_up) {
    return Swiglu::apply(gate_up);
}
at::Tensor differentiable_attention(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                                    double scale, std::optional<std::int64_t> window) {
    return HostAttention::apply(q, k, v, scale, window.value_or(k.size(2) + 1));
}
at::Tensor differentiable_rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps) {
    return RmsNorm::apply(x, weight, eps);
}
at::Tensor gathered_by_slot(at::Tensor const& hidden, at::Tensor const& order, at::Tensor const& place,
                            std::int64_t top_k) {
    return Gathered::apply(hidden, order, place, top_k);
}
at::Tensor combined_by_token(at::Tensor const& results, at::Tensor const& order, at::Tensor const& place,
                             at::Tensor const& weights) {
    return Combined::apply(results, order, place, weights);
}
at::Tensor product_by_slot(at::Tensor const& rows, at::Tensor const& weights,
                           std::vector<std::int64_t> const& slot_end) {
    return BySlot::apply(rows, weights, slot_end);
}

}  // namespace moewire
