// How is a whole dealt in whole parts? Evenly, or in proportion to weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moewire {

// `parts` numbers that sum to `total` and differ by at most one, the larger ones first.
std::vector<std::int64_t> even_shares(std::int64_t total, std::int64_t parts);

// Numbers in proportion to `weights` that sum to `total`: floors first, then one more to the largest
// remainders, equal remainders in order. All weights zero counts as all equal.
// Throws: contract, on a negative weight or no weight at all. Source: Hamilton's method.
std::vector<std::int64_t> apportion(std::int64_t total, std::span<double const> weights);

}  // namespace moewire
