// What do layers compute between the matrix products? Small functions that every architecture shares.
// (Inside the model room only.)
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "model/traits.hpp"

namespace moewire {

// Do the kernels of gpu/gpu.hpp compute this? They have no gradients.
bool is_for_gpu(at::Tensor const& x);

// x times the transpose of `weight`, plus a bias that may be undefined: at::linear, by way of oneDNN where
// that is quicker (fp32 on the CPU, no gradients).
at::Tensor product(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias = {});

// The same into the memory of `out`; no gradients.
void product_into(at::Tensor out, at::Tensor const& x, at::Tensor const& weight, at::Tensor const& bias = {});

// RMSNorm over the last dimension: mean of squares in fp32; `kind` says whether the weight comes before or
// after the cast to x's dtype.
at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps, NormKind kind = NormKind::rms);

// Shape of `gate_up`: [row, 2 x intermediate], gate columns first; the result: [row, intermediate].
at::Tensor activate(at::Tensor const& gate_up, Activation activation, double limit);

struct AttendOptions {
    double scale = 1.0;
    std::optional<std::int64_t> window;  // key j is seen by query i when i - window < j <= i
    at::Tensor sinks;                    // Shape: [head], or undefined
};

// One new position whose number only the device knows. Shapes: q [sequence, head, 1, dim], k and v [sequence,
// kv head, room, dim], position int64 [1]: later room is not looked at. Result: as q.
at::Tensor attend_at(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                     at::Tensor const& position, AttendOptions const& options);

// Causal attention of the last positions of a sequence to all of them. Shapes: q [sequence, head, position,
// dim], k and v [sequence, kv head, past + position, dim]; dims of k and v may differ. Result: as q with v's
// dim.
at::Tensor attend(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                  AttendOptions const& options);

}  // namespace moewire
