// Attention on a CPU with wide vectors, there and back. fp32. (Inside the model room only.)
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

namespace moewire::host_kernels {

// Can `attend` take these? Dimensions of heads must be multiples of 8.
bool suit_attention(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v);

// Causal attention of the last positions to all of them: softmax over tiles of keys, with a running maximum,
// so that no score is ever written to memory. Shapes: q [sequence, head, position, dim], k [sequence, kv
// head, past + position, dim], v [sequence, kv head, past + position, value dim]; the result: [sequence,
// head, position, value dim], a view of [sequence, position, head, value dim]. Source: Milakov and
// Gimelshein, "Online normalizer calculation for softmax", 2018.
// `log_totals`, where it is given, becomes what attend_back() needs: [sequence, head, position].
at::Tensor attend(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v, double scale,
                  std::optional<std::int64_t> window, at::Tensor* log_totals = nullptr);

// Its way back: scores are computed again, tile by tile. `out` and `log_totals` are attend()'s, `gradient` is
// that of `out`. Shapes of the result: as q, k and v.
struct AttentionGradients {
    at::Tensor of_q, of_k, of_v;
};
AttentionGradients attend_back(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                               at::Tensor const& out, at::Tensor const& log_totals,
                               at::Tensor const& gradient, double scale, std::optional<std::int64_t> window);

}  // namespace moewire::host_kernels
