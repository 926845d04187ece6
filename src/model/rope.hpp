// Where is each token? Rotary position tables: plain, longrope, yarn.
#pragma once

#include <map>

#include <ATen/core/Tensor.h>

#include "checkpoint/config.hpp"
#include "model/language_model.hpp"
#include "model/traits.hpp"

namespace moewire {

// Cosines and sines of some consecutive positions. Shape: [position, rotated / 2], computed in fp32.
struct RopeTable {
    at::Tensor cos, sin;
};

class RotaryEmbedding {
  public:
    RotaryEmbedding(ModelConfig const& config, RopeKind kind, LongRope rule,
                    at::TensorOptions const& options);

    // Positions begin .. begin + count - 1. Longrope changes the whole table with the last position.
    RopeTable table(std::int64_t begin, std::int64_t count);

    // All positions before `count`, for those who index it on the device.
    RopeTable const& whole(std::int64_t count);

    // Does a sequence of this length go beyond what the short factors were made for?
    bool is_long(std::int64_t positions) const;

  private:
    struct Frequencies {
        at::Tensor inverse;  // Shape: [rotated / 2]
        double magnitude;    // of cosine and sine
    };
    Frequencies frequencies(bool beyond_original) const;
    Frequencies yarn() const;

    Rope rope_;
    std::int64_t rotated_;
    RopeKind kind_;
    LongRope rule_;
    at::TensorOptions options_;
    std::map<bool, RopeTable> tables_;  // by whether the sequence is long; grown when needed
};

// Shape of `x`: [sequence, position, head, rotated]. The result keeps halves together, whichever pairs are
// rotated: queries and keys agree, and nobody else looks.
at::Tensor rotate(at::Tensor const& x, RopeTable const& table, RopePairs pairs);

// 0.1 x mscale x ln(factor) + 1 beyond a factor of 1. Source: YaRN (arXiv 2309.00071), section 3.4.
double yarn_magnitude(double factor, double mscale);

}  // namespace moewire
