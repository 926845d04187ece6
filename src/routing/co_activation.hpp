// Which experts are chosen together? Counts of pairs, and what the experts' loads alone would make of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/grid.hpp"
#include "routing/routing.hpp"

namespace moewire {

// How many of this rank's tokens chose both experts: symmetric, with a zero diagonal. A row sums to
// (top_k - 1) times the expert's load. Shape: [layer, expert, expert]. Unit: tokens.
Grid<std::int64_t, 3> count_pairs(Routing const& routing);

// The pair counts of tokens that pick top_k *different* experts, otherwise at random, with these loads.
// load_i load_j / tokens would be too large everywhere: it leaves room for an expert beside itself. Here a
// pair is w_i w_j, the diagonal is empty, and w is such that rows sum to (top_k - 1) load_i.
// Shape: [expert, expert]. Source: quasi-independence; symmetric scaling of a matrix to given row sums.
Grid<double, 2> expected_pairs(std::span<std::int64_t const> loads, std::int32_t top_k);

struct ExpertPair {
    ExpertId first{}, second{};  // first < second
    std::int64_t tokens = 0;     // that chose both
    double expected_tokens = 0;
    double lift = 1;  // tokens / expected_tokens: above 1, the two are chosen together more than chance
};

// The `most` pairs of one layer that stand out most: by (tokens - expected) / sqrt(expected), so that a rare
// pair does not win by one token. `pairs` is one layer. Shape of pairs: [expert, expert].
std::vector<ExpertPair> strongest_pairs(Grid<std::int64_t, 2> const& pairs,
                                        std::span<std::int64_t const> loads, std::int32_t top_k,
                                        std::size_t most);

}  // namespace moewire
