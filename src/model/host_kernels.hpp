// What can a CPU with wide vectors compute in one pass? fp32, no gradients; ATen takes several passes, or
// calls MKL for blocks that are too small for it. (Inside the model room only.)
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace moewire::host_kernels {

// Has this processor the vectors, and is `x` fp32 on the CPU, its last dimension contiguous, where no
// gradient is wanted?
bool suit(at::Tensor const& x);

// x / rms(x) * weight over the last dimension. Shape of the result: as `x`, contiguous. `scales`, where it is
// given, becomes 1 / rms of every row: [row].
at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps, at::Tensor* scales = nullptr);

// Its way back. Shapes: as x, [row], as x -> as x, as weight.
struct NormGradients {
    at::Tensor of_x, of_weight;
};
NormGradients rms_norm_back(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& scales,
                            at::Tensor const& gradient);

// Each token's rows, weighted and summed; `place` tells which those are, token by token, each row once.
// Shapes: [row, hidden], [row] (int64), [token, choice] -> [token, hidden].
at::Tensor combine(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights);

// Its way back. Shapes: of `gradient` [token, hidden]; of the result as `results` and as `weights`.
struct CombineGradients {
    at::Tensor of_results, of_weights;
};
CombineGradients combine_back(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights,
                              at::Tensor const& gradient);

// silu(gate) * up. Shape of `gate_up`: [row, 2 x width], gate columns first; the result: [row, width].
at::Tensor swiglu(at::Tensor const& gate_up);

// Its way back. Shape of `gradient`: [row, width]; of the result: as `gate_up`.
at::Tensor swiglu_back(at::Tensor const& gate_up, at::Tensor const& gradient);

// Cross entropy of all rows, summed. The logits become its gradient: their shares, less 1 at each target.
// Shapes: [row, class] contiguous, [row] (int64).
double cross_entropy_in_place(at::Tensor logits, at::Tensor const& targets);

}  // namespace moewire::host_kernels
