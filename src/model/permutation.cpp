#include "model/permutation.hpp"

#include <optional>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "gpu/gpu.hpp"
#include "model/kernels.hpp"

namespace moewire {
namespace {

SlotOrder sort_on_host(at::Tensor const& slots, std::int64_t slot_count) {
    auto const rows = slots.size(0);
    auto const ends = at::zeros({slot_count}, slots.options().dtype(at::kInt));
    auto const order = at::empty_like(slots), place = at::empty_like(slots);
    auto const* slot = slots.const_data_ptr<std::int64_t>();
    auto* end = ends.mutable_data_ptr<std::int32_t>();
    for (std::int64_t row = 0; row < rows; ++row) ++end[slot[row]];
    std::vector<std::int64_t> next(static_cast<std::size_t>(slot_count) + 1, 0);
    for (std::int64_t s = 0; s < slot_count; ++s) {
        next[static_cast<std::size_t>(s) + 1] = next[static_cast<std::size_t>(s)] + end[s];
        end[s] = static_cast<std::int32_t>(next[static_cast<std::size_t>(s) + 1]);
    }
    for (std::int64_t row = 0; row < rows; ++row) {
        auto const at = next[static_cast<std::size_t>(slot[row])]++;
        order.mutable_data_ptr<std::int64_t>()[at] = row;
        place.mutable_data_ptr<std::int64_t>()[row] = at;
    }
    return {order, place, ends};
}

// Rows of a table, weighted and summed bag by bag: one fused pass.
at::Tensor sum_of_bags(at::Tensor const& rows, at::Tensor const& members, at::Tensor const& starts,
                       std::optional<at::Tensor> const& weights) {
    return std::get<0>(at::embedding_bag(rows.to(at::kFloat), members, starts, /*scale_grad_by_freq=*/false,
                                         /*mode sum=*/0, /*sparse=*/false, weights));
}

}  // namespace

at::Tensor index_tensor(std::vector<std::int64_t> const& values, at::Device device) {
    auto const view = at::from_blob(const_cast<std::int64_t*>(values.data()),
                                    {static_cast<std::int64_t>(values.size())}, at::kLong);
    // A backward pass comes when the plan is gone.
    if (device.is_cpu()) return at::GradMode::is_enabled() ? view.clone() : view;
    return view.to(device);
}

std::vector<std::int64_t> to_host(at::Tensor const& integers) {
    auto const values = integers.to(at::TensorOptions(at::kCPU).dtype(at::kLong)).contiguous();
    return {values.const_data_ptr<std::int64_t>(), values.const_data_ptr<std::int64_t>() + values.numel()};
}

at::Tensor int32_on_host(at::Tensor const& integers) {
    return integers.to(at::kInt).to(at::kCPU).contiguous();
}

bool is_grouped(DispatchPlan const& plan) {
    if (static_cast<std::int64_t>(plan.expert_order.size()) != plan.exchange.total_receive_rows())
        return false;
    for (std::size_t row = 0; row < plan.expert_order.size(); ++row) {
        if (plan.expert_order[row] != static_cast<std::int64_t>(row)) return false;
    }
    return true;
}

at::Tensor permuted(at::Tensor const& hidden, DispatchPlan const& plan) {
    auto const order = index_tensor(plan.token_of_sent, hidden.device());
    if (hidden.size(0) == 0) return at::zeros({order.size(0), hidden.size(1)}, hidden.options());
    // Padding repeats the first token: what it holds is never looked at.
    return hidden.index_select(0, order.clamp_min(0));
}

at::Tensor weighted_away(at::Tensor const& results, at::Tensor const& by_expert, DispatchPlan const& plan) {
    auto const weights = at::from_blob(const_cast<float*>(plan.away_weights.data()),
                                       {static_cast<std::int64_t>(plan.away_weights.size()), 1}, at::kFloat);
    auto const rows = plan.exchange.total_receive_rows();
    return at::zeros({rows, results.size(1)}, results.options().dtype(at::kFloat))
        .index_add_(0, by_expert, results.to(at::kFloat) * weights.to(results.device()))
        .to(results.scalar_type());
}

at::Tensor unpermuted(at::Tensor const& home, at::Tensor const& weights, DispatchPlan const& plan) {
    std::optional<at::Tensor> of_answer;
    if (!plan.choice_of_answer.empty())
        of_answer = weights.to(at::kFloat)
                        .reshape({-1})
                        .index_select(0, index_tensor(plan.choice_of_answer, home.device()));
    return sum_of_bags(home, index_tensor(plan.home_order, home.device()),
                       index_tensor(plan.home_start, home.device()), of_answer);
}

SlotOrder sort_by_slot(at::Tensor const& slots, std::int64_t slot_count) {
    if (is_for_gpu(slots)) {
        auto const sorted = gpu().sort_by_slot(slots, slot_count);
        return {sorted.order, sorted.place, sorted.slot_end};
    }
    if (slots.is_cpu()) return sort_on_host(slots, slot_count);
    auto const order = at::argsort(slots, /*stable=*/true, /*dim=*/0, /*descending=*/false);
    auto const rows = at::arange(slots.size(0), order.options());
    auto const place = at::empty_like(order).scatter_(0, order, rows);
    auto const ends = at::searchsorted(slots.index_select(0, order), at::arange(slot_count, slots.options()),
                                       /*out_int32=*/true, /*right=*/true);
    return {order, place, ends};
}

at::Tensor weighted_sum(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights,
                        at::ScalarType dtype) {
    auto const tokens = weights.size(0), top_k = weights.size(1);
    if (results.is_cpu()) {
        auto const starts = at::arange(tokens, place.options()).mul_(top_k);
        return sum_of_bags(results, place, starts, weights.to(at::kFloat).reshape({-1})).to(dtype);
    }
    if (is_for_gpu(results)) return gpu().weighted_sum(results, place, weights).to(dtype);
    auto const answers = results.index_select(0, place).view({tokens, top_k, results.size(1)});
    return at::bmm(weights.to(dtype).unsqueeze(1), answers.to(dtype)).squeeze(1);
}

}  // namespace moewire
