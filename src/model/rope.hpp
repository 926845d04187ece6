// Where is each token? Rotary position tables, plain and longrope.
#pragma once

#include <map>

#include <ATen/core/Tensor.h>

#include "checkpoint/config.hpp"
#include "model/language_model.hpp"
#include "model/traits.hpp"

namespace moewire {

// Cosines and sines for positions 0 .. n-1. Shape: [position, head_dim / 2], in the model's dtype (computed
// in fp32).
struct RopeTable {
    at::Tensor cos, sin;
};

class RotaryEmbedding {
  public:
    RotaryEmbedding(ModelConfig const& config, RopeKind kind, LongRope rule, at::ScalarType dtype);

    // Kept after the first call for each length: longrope changes the whole table with the length.
    RopeTable const& table(std::int64_t positions);

    // Does a sequence of this length go beyond what the short factors were made for?
    bool is_long(std::int64_t positions) const;

  private:
    Rope rope_;
    std::int64_t head_dim_;
    RopeKind kind_;
    LongRope rule_;
    at::ScalarType dtype_;
    std::map<std::int64_t, RopeTable> tables_;
};

// Rotates pairs (i, i + head_dim/2), the "half-split" convention. Shape of `x`: [batch, position, head,
// head_dim].
at::Tensor rotate(at::Tensor const& x, RopeTable const& table);

}  // namespace moewire
