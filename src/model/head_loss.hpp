// The loss on the vocabulary, and its way back. (Inside the model room only.)
#pragma once

#include <ATen/core/Tensor.h>

namespace moewire {

// Cross entropy of every row's logits, summed; fp32 inside. On a CPU the logits of some rows at a time become
// gradients while they lie in the cache, so that a table of all rows never exists. Shapes: hidden [row,
// hidden], head [class, hidden], bias [class] or undefined, targets [row] (int64) -> scalar.
at::Tensor head_cross_entropy(at::Tensor const& hidden, at::Tensor const& head, at::Tensor const& bias,
                              at::Tensor const& targets);

}  // namespace moewire
