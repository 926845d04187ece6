// How do tokens see each other? Causal attention of one layer, with what it keeps of earlier positions.
#pragma once

#include <memory>

#include <ATen/core/Tensor.h>

#include "model/kernels.hpp"
#include "model/rope.hpp"
#include "model/traits.hpp"
#include "model/weights.hpp"

namespace moewire {

// What one layer keeps of the positions so far: room for a fixed number, filled from the front.
struct LayerCache {
    at::Tensor first, second;  // Shape: [sequence, head, position, dim]: keys and values, or what makes them

    // Puts the new positions behind `past` earlier ones, and gives all up to there.
    static at::Tensor append(at::Tensor const& kept, at::Tensor const& fresh, std::int64_t past);
};

// Where the new positions stand.
struct AttentionContext {
    RopeTable const& rope;        // of the new positions
    LayerCache* cache = nullptr;  // null: there are no earlier positions
    std::int64_t past = 0;        // earlier positions
    // Defined: the one new position is this (int64 [1], on the device), and `past` is not looked at.
    at::Tensor position = {};
};

class Attention {
  public:
    virtual ~Attention() = default;

    // Shape: [sequence, position, hidden] -> the same.
    virtual at::Tensor forward(at::Tensor const& x, AttentionContext const& context) const = 0;

    // Does forward take a position on the device?
    virtual bool knows_device_position() const { return false; }

    virtual LayerCache make_cache(std::int64_t sequences, std::int64_t positions) const = 0;
};

// The kind that the traits name. Throws: usage, when weights are missing.
std::unique_ptr<Attention> make_attention(WeightReader const& reader, ModelConfig const& config,
                                          Traits const& traits, std::int64_t layer);

}  // namespace moewire
