// In which order do rows travel and compute? Tensors put in order by a plan, or by their experts.
// (Inside the model room only.)
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "transport/dispatcher.hpp"

namespace moewire {

// A view on the CPU (the plan must outlive every use); a copy elsewhere, and where gradients are wanted.
at::Tensor index_tensor(std::vector<std::int64_t> const& values, at::Device device);

std::vector<std::int64_t> to_host(at::Tensor const& integers);
// As int32, converted where they lie: a copy between devices would convert on the host, by all its threads.
at::Tensor int32_on_host(at::Tensor const& integers);

// Rows from one source arrive grouped by slot already: nothing to regroup.
bool is_grouped(DispatchPlan const& plan);

// Rows in send order. Shapes: [token, hidden] -> [sent row, hidden].
at::Tensor permuted(at::Tensor const& hidden, DispatchPlan const& plan);

// Where several experts' results share a row, they are weighted here and summed in fp32.
// Shapes: `results` [row by expert, hidden] -> [received row, hidden].
at::Tensor weighted_away(at::Tensor const& results, at::Tensor const& by_expert, DispatchPlan const& plan);

// Each token's answers, weighted and summed in fp32. Shapes: [sent row, hidden] -> [token, hidden], fp32.
at::Tensor unpermuted(at::Tensor const& home, at::Tensor const& weights, DispatchPlan const& plan);

// Rows of (token, choice) sorted by slot, without asking the host.
struct SlotOrder {
    at::Tensor order;     // Shape: [row]; token * top_k + choice of each row in slot order; stable
    at::Tensor place;     // Shape: [token * top_k + choice]; its row
    at::Tensor slot_end;  // Shape: [slot], int32; one past the slot's last row
};
SlotOrder sort_by_slot(at::Tensor const& slots, std::int64_t slot_count);

// Shapes: `results` [row, hidden], `place` as above, `weights` [token, choice] -> [token, hidden].
at::Tensor weighted_sum(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights,
                        at::ScalarType dtype);

}  // namespace moewire
