// How do experts learn by few numbers? LoRA (arXiv 2106.09685): a frozen matrix, and beside it a product of
// two thin ones that learns; what computes is their sum. (Inside the train room only.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/ids.hpp"

namespace moewire {

struct LowRankOptions {
    std::int64_t rank = 0;
    double alpha = 0;  // the product counts alpha / rank times
};

// "lora:8", "lora:8:16" (rank, alpha; alpha is the rank without it); nothing for another word.
// Throws: usage, when it begins so and goes on otherwise.
std::optional<LowRankOptions> low_rank_of(std::string const& spec);

// The change to one layer's projection of all of a rank's experts.
struct LowRank {
    at::Tensor tensor;          // what computes. Shape: [expert, out, in]
    at::Tensor base;            // what it was
    at::Tensor down, up;        // fp32. Shapes: [expert, rank, in], [expert, out, rank]
    at::Tensor of_down, of_up;  // their gradients, summed over batches
    double scale = 1;

    // `down` is drawn for each expert by itself, so that ranks do not matter; `up` is zero: nothing changes
    // yet.
    LowRank(at::Tensor computing, LowRankOptions const& options, std::string const& name,
            std::vector<ExpertId> const& experts, std::uint64_t seed);

    // Takes the gradient of the last backward pass away from what computes. By the chain rule of
    // base + scale * up * down: scale * up^T * G for `down`, scale * G * down^T for `up`.
    void collect() const;

    // What computes becomes the sum, rounded once to its type.
    void merge() const;
};

}  // namespace moewire
