// How do tokens see each other? Grouped-query attention of one layer, causal, optionally in a sliding window.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/rope.hpp"
#include "model/traits.hpp"
#include "model/weights.hpp"

namespace moewire {

class Attention {
  public:
    Attention(WeightReader const& reader, ModelConfig const& config, Traits const& traits, std::size_t layer);

    // Shape: [sequence, position, hidden] -> the same.
    at::Tensor forward(at::Tensor const& x, RopeTable const& rope) const;

  private:
    std::int64_t heads_, kv_heads_, head_dim_;
    double norm_eps_;
    std::optional<double> clip_qkv_;
    std::optional<std::int64_t> sliding_window_;
    // Query, key and value stacked: one product instead of three.
    at::Tensor qkv_weight_, qkv_bias_, out_weight_, out_bias_;
    at::Tensor q_norm_, k_norm_;  // undefined without QK-norm
};

// RMSNorm as these models define it: mean of squares in fp32, cast to the model's dtype, then times the
// weight.
at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps);

}  // namespace moewire
