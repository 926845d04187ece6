// How far apart are two rows of numbers, and which part of a fixture's sequences does this rank have?
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "base/grid.hpp"
#include "model/scoring.hpp"
#include "support/world.hpp"

namespace moewire {

inline double scale_of(std::span<float const> values) {
    double most = 0;
    for (float const v : values) most = std::max(most, static_cast<double>(std::abs(v)));
    return most;
}

inline double largest_difference(std::span<float const> a, std::span<float const> b) {
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        double const difference = std::abs(a[i] - b[i]);
        if (std::isnan(difference)) return INFINITY;
        most = std::max(most, difference);
    }
    return most;
}

// The fixture's two sequences dealt over the ranks: with four ranks, two have none.
inline Grid<std::int32_t, 2> my_share(Grid<std::int32_t, 2> const& tokens) {
    return share_of(tokens, world().rank(), world().size());
}
inline std::size_t my_first(Grid<std::int32_t, 2> const& tokens) {
    return tokens.extent(0) * index_of(world().rank()) / static_cast<std::size_t>(world().size());
}

}  // namespace moewire
