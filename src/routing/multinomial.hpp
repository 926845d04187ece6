// How often is each thing drawn when many are drawn? Without drawing them one by one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.hpp"

namespace moewire {

// How many of `draws` hit, each with this chance. Exact (by inversion) up to 64 expected hits or misses,
// rounded normal above, where the two differ by less than what 10^5 draws show.
std::int64_t draw_binomial(std::int64_t draws, double chance, Random& random);

// Counts of each share; they sum to `draws`. Throws: contract, when `shares` is empty or does not sum to 1.
std::vector<std::int64_t> draw_multinomial(std::int64_t draws, std::span<double const> shares,
                                           Random& random);

}  // namespace moewire
