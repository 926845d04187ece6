#include "model/kernels.hpp"

#include <algorithm>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

#include "gpu/gpu.hpp"
#include "model/derivatives.hpp"
#include "model/host_attention.hpp"
#include "model/host_kernels.hpp"

namespace moewire {
namespace {

constexpr double least = -std::numeric_limits<double>::infinity();
constexpr std::int64_t scores_limit = 1 << 24;  // numbers of one slice of scores

// Small products are over before oneDNN has prepared them; with few rows of a large matrix it is the quicker
// one.
constexpr std::int64_t large_matrix = 1 << 20;

bool suits_one_dnn(at::Tensor const& x, at::Tensor const& weight) {
    return weight.numel() >= large_matrix && x.is_cpu() && x.scalar_type() == at::kFloat &&
           !at::GradMode::is_enabled() && x.numel() > 0 && x.is_contiguous() && weight.is_contiguous();
}

// Shape: [position, past + position], bool: which keys do queries begin .. begin + count - 1 of the last
// `positions` see?
at::Tensor seen_keys(std::int64_t keys, std::int64_t positions, std::int64_t begin, std::int64_t count,
                     std::optional<std::int64_t> window, at::Device device) {
    auto const past = keys - positions + begin;
    auto const all = at::ones({count, keys}, at::TensorOptions(device).dtype(at::kBool)).tril(past);
    return window ? all.triu(past + 1 - *window) : all;
}

at::Tensor for_each_head(at::Tensor const& x, std::int64_t heads) {
    return x.size(1) == heads ? x : x.repeat_interleave(heads / x.size(1), 1);
}

// The sink is a column of the softmax that no value belongs to. Plain products, some queries at a time: the
// fused kernels have no place for it.
at::Tensor attend_with_sinks(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                             AttendOptions const& options) {
    auto const positions = q.size(2), keys = k.size(2);
    auto const step =
        std::max<std::int64_t>(1, scores_limit / std::max<std::int64_t>(1, q.size(0) * q.size(1) * keys));
    auto const sink = options.sinks.to(q.scalar_type()).view({1, -1, 1, 1});
    std::vector<at::Tensor> parts;
    for (std::int64_t begin = 0; begin < positions; begin += step) {
        auto const count = std::min(step, positions - begin);
        auto const unseen =
            seen_keys(keys, positions, begin, count, options.window, q.device()).logical_not();
        auto scores = at::matmul(q.narrow(2, begin, count), k.transpose(2, 3)) * options.scale;
        scores = at::cat({scores.masked_fill(unseen, least), sink.expand({q.size(0), -1, count, 1})}, -1);
        parts.push_back(at::matmul(at::softmax(scores, -1).narrow(-1, 0, keys), v));
    }
    return parts.size() == 1 ? parts.front() : at::cat(parts, 2);
}

}  // namespace

at::Tensor product(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias) {
    using Linear =
        at::Tensor(at::Tensor const&, at::Tensor const&, std::optional<at::Tensor> const&, std::string_view,
                   c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
    static auto const one_dnn = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!one_dnn || !suits_one_dnn(x, weight)) return at::linear(x, weight, bias);
    static auto const call = one_dnn->typed<Linear>();
    return call.call(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, "none",
                     c10::List<std::optional<at::Scalar>>(), "");
}

void product_into(at::Tensor out, at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias) {
    if (suits_one_dnn(x, weight)) {
        out.copy_(product(x, weight, bias));
    } else {
        at::linear_out(out, x, weight, bias);
    }
}

bool is_for_gpu(at::Tensor const& x) {
    return (x.is_cuda() || has_stand_in()) && !at::GradMode::is_enabled();
}

at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps, NormKind kind) {
    if (is_for_gpu(x)) {
        return gpu().rms_norm(
            x, weight, eps,
            kind == NormKind::wide_rms ? Gpu::NormWeight::before_cast : Gpu::NormWeight::after_cast);
    }
    if (at::GradMode::is_enabled() && kind == NormKind::rms) {
        return x.is_cuda() ? std::get<0>(at::_fused_rms_norm(x, {x.size(-1)}, weight, eps))
                           : differentiable_rms_norm(x, weight, eps);
    }
    if (host_kernels::suit(x) && weight.scalar_type() == at::kFloat)
        return host_kernels::rms_norm(x, weight, eps);
    auto const wide = x.to(at::kFloat);
    auto const scale = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
    if (kind == NormKind::wide_rms) return (wide * scale * weight).to(x.scalar_type());
    return (wide * scale).to(x.scalar_type()) * weight;
}

at::Tensor activate(at::Tensor const& gate_up, Activation activation, double limit) {
    if (activation == Activation::swiglu && is_for_gpu(gate_up)) return gpu().swiglu(gate_up);
    if (activation == Activation::swiglu && at::GradMode::is_enabled()) return differentiable_swiglu(gate_up);
    if (activation == Activation::swiglu && host_kernels::suit(gate_up)) return host_kernels::swiglu(gate_up);
    auto const halves = gate_up.chunk(2, -1);
    if (activation == Activation::swiglu) return at::silu(halves[0]).mul_(halves[1]);
    auto const gate = halves[0].clamp_max(limit), up = halves[1].clamp(-limit, limit);
    return (up + 1) * (gate * at::sigmoid(gate * 1.702));
}

at::Tensor attend(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                  AttendOptions const& options) {
    auto const positions = q.size(2), keys = k.size(2), heads = q.size(1);
    bool const is_ours = [&] {
        at::NoGradGuard const no_gradients;  // which kernels look for
        return !options.sinks.defined() && host_kernels::suit_attention(q, k, v);
    }();
    if (is_ours && at::GradMode::is_enabled())
        return differentiable_attention(q, k, v, options.scale, options.window);
    if (is_ours) return host_kernels::attend(q, k, v, options.scale, options.window);
    auto const all_k = for_each_head(k, heads), all_v = for_each_head(v, heads);
    if (options.sinks.defined()) return attend_with_sinks(q, all_k, all_v, options);
    bool const windowed = options.window && *options.window < keys;
    // The fused kernel needs no mask for the plain triangle, nor for one query that sees all.
    bool const masked = windowed || (positions > 1 && positions < keys);
    std::optional<at::Tensor> mask;
    if (masked)
        mask = seen_keys(keys, positions, 0, positions, windowed ? options.window : std::nullopt, q.device());
    // It wants values as wide as keys.
    auto const missing = q.size(3) - v.size(3);
    auto const padded = missing > 0 ? at::constant_pad_nd(all_v, {0, missing}) : all_v;
    auto const mixed = at::scaled_dot_product_attention(
        q, all_k, padded, mask, 0.0, /*is_causal=*/!masked && positions > 1, options.scale);
    return missing > 0 ? mixed.narrow(-1, 0, v.size(3)) : mixed;
}

at::Tensor attend_at(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                     at::Tensor const& position, AttendOptions const& options) {
    auto const sequences = q.size(0), heads = q.size(1), kv_heads = k.size(1), room = k.size(2);
    auto const by_group = q.reshape({sequences, kv_heads, heads / kv_heads, q.size(3)});
    auto const places = at::arange(room, position.options());
    auto unseen = places.gt(position);
    if (options.window) unseen = unseen.logical_or(places.le(position - *options.window));
    auto scores = at::matmul(by_group, k.transpose(2, 3)).to(at::kFloat) * options.scale;
    scores = scores.masked_fill(unseen, least);
    if (options.sinks.defined()) {
        auto const sink = options.sinks.to(at::kFloat).view({1, kv_heads, heads / kv_heads, 1});
        scores = at::cat({scores, sink.expand({sequences, -1, -1, -1})}, -1);
    }
    auto const shares = at::softmax(scores, -1).narrow(-1, 0, room).to(q.scalar_type());
    return at::matmul(shares, v).view({sequences, heads, 1, v.size(3)});
}

}  // namespace moewire
