// How do gradients pass through our own kernels? Few large steps where autograd would take many small ones.
// (Inside the model room only.)
#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace moewire {

// silu(gate) * up. Shape of `gate_up`: [row, 2 x intermediate] -> [row, intermediate].
at::Tensor differentiable_swiglu(at::Tensor const& gate_up);

// Causal attention where host_kernels::suit_attention() holds. Shapes: as host_kernels::attend().
at::Tensor differentiable_attention(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                                    double scale, std::optional<std::int64_t> window);

// RMSNorm over the last dimension, in fp32 inside. Shape: as `x`.
at::Tensor differentiable_rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps);

// Rows of a table that has each row `top_k` times: order[row] / top_k is where a row comes from, place its
// inverse (see SlotOrder). Shapes: [token, hidden] -> [token * top_k, hidden].
at::Tensor gathered_by_slot(at::Tensor const& hidden, at::Tensor const& order, at::Tensor const& place,
                            std::int64_t top_k);

// The way back: each token's answers, weighted. Shapes: [row, hidden], [token, choice] -> [token, hidden].
at::Tensor combined_by_token(at::Tensor const& results, at::Tensor const& order, at::Tensor const& place,
                             at::Tensor const& weights);

// Rows by slot times the transpose of the slot's matrix: slot s owns rows slot_end[s-1] .. slot_end[s].
// Shapes: rows [row, inputs], weights [slot, outputs, inputs] -> [row, outputs].
at::Tensor product_by_slot(at::Tensor const& rows, at::Tensor const& weights,
                           std::vector<std::int64_t> const& slot_end);

}  // namespace moewire
