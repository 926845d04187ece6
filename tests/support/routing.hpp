// Routings and demands for tests: uniform or skewed, seeded.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "routing/routing.hpp"

namespace moewire {

// Every token picks top_k distinct experts; expert e is tried first with a chance that grows with `skew`.
inline Routing random_routing(std::size_t layers, std::size_t tokens, std::int32_t experts, std::size_t top_k,
                              std::uint64_t seed, double skew = 0) {
    Random random(seed, "test routing");
    Routing routing{experts, Grid<std::int32_t, 3>(layers, tokens, top_k)};
    for (std::size_t layer = 0; layer < layers; ++layer) {
        for (std::size_t token = 0; token < tokens; ++token) {
            auto order = random.permutation(experts);
            if (random.uniform() < skew) std::swap(order[0], *std::find(order.begin(), order.end(), 0));
            std::copy_n(order.begin(), top_k, routing.picks.row(layer, token).begin());
        }
    }
    return routing;
}

// Demand with uneven random loads. Shape: [layer, source rank, expert].
inline Demand random_demand(std::size_t layers, int ranks, std::int32_t experts, std::uint64_t seed) {
    Random random(seed, "test demand");
    Grid<std::int64_t, 3> tokens(layers, static_cast<std::size_t>(ranks), static_cast<std::size_t>(experts));
    for (auto& count : tokens.values())
        count = static_cast<std::int64_t>(random.below(200) * random.below(5));
    return Demand(std::move(tokens));
}

}  // namespace moewire
