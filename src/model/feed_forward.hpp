// What does a layer without a choice compute? A gated feed-forward network: dense layers, shared experts.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "model/traits.hpp"
#include "model/weights.hpp"

namespace moewire {

class FeedForward {
  public:
    // `prefix`: "model.layers.0.mlp", in front of ".gate_proj.weight" and so on. `width`: of its inside.
    FeedForward(WeightReader const& reader, ModelConfig const& config, std::string const& prefix,
                std::int64_t width);

    // Shape: [..., hidden] -> the same.
    at::Tensor forward(at::Tensor const& x) const;

  private:
    at::Tensor gate_up_, down_;            // Shapes: [2 x width, hidden], [hidden, width]
    at::Tensor gate_up_bias_, down_bias_;  // undefined where the config has none
};

// Experts that every token visits, beside those that it chooses.
class SharedExperts {
  public:
    SharedExperts(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                  std::string const& block);
    at::Tensor forward(at::Tensor const& x) const;

  private:
    FeedForward network_;
    at::Tensor gate_;  // Shape: [1, hidden], or undefined
};

}  // namespace moewire
