// What can a CPU with wide vectors compute in one pass? fp32, no gradients; ATen takes several passes, or
// calls MKL for blocks that are too small for it. (Inside the model room only.)
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

namespace moewire::host_kernels {

// Has this processor the vectors, and is `x` fp32 on the CPU, its last dimension contiguous, where no
// gradient is wanted?
bool suit(at::Tensor const& x);

// x / rms(x) * weight over the last dimension. Shape of the result: as `x`, contiguous.
at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps);

// silu(gate) * up. Shape of `gate_up`: [row, 2 x width], gate columns first; the result: [row, width].
at::Tensor swiglu(at::Tensor const& gate_up);

// Its way back. Shape of `gradient`: [row, width]; of the result: as `gate_up`.
at::Tensor swiglu_back(at::Tensor const& gate_up, at::Tensor const& gradient);

// log(sum(exp)) of every row. Shape: [row, width] -> [row].
at::Tensor log_totals(at::Tensor const& x);

// exp(x - log_totals) * scale, less scale at each row's target. Shapes: [row, width], [row] (int64), [row] ->
// [row, width].
at::Tensor shares_less_targets(at::Tensor const& x, at::Tensor const& targets, at::Tensor const& totals,
                               double scale);

// Can `attend` take these? Dimensions of heads must be multiples of 8.
bool suit_attention(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v);

// Causal attention of the last positions to all of them: softmax over tiles of keys, with a running maximum,
// so that no score is ever written to memory. Shapes: q [sequence, head, position, dim], k [sequence, kv
// head, past + position, dim], v [sequence, kv head, past + position, value dim]; the result: [sequence,
// head, position, value dim], a view of [sequence, position, head, value dim]. Source: Milakov and
// Gimelshein, "Online normalizer calculation for softmax", 2018.
at::Tensor attend(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v, double scale,
                  std::optional<std::int64_t> window);

}  // namespace moewire::host_kernels
