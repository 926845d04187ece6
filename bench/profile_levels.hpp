// Uneven between what? Single experts, or the blocks of experts that ranks would hold, each with its noise.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/grid.hpp"
#include "base/json.hpp"
#include "model/language_model.hpp"
#include "routing/noise_ceiling.hpp"

namespace moewire {

struct Level {
    std::int32_t groups = 0;                     // experts, or ranks
    std::vector<std::int32_t> experts_of_group;  // contiguous placement
    std::string idle_key;                        // "idle_experts", "idle_ranks"
    NoiseFloor floor;
    std::vector<Imbalance> uniform;  // simulated, at the same number of tokens
    Imbalance ceiling;               // its 99th percentile
};

// The level of experts, then those of `ranks`, with the noise of `tokens` tokens.
std::vector<Level> levels_of(std::int64_t tokens, ModelFacts const& facts,
                             std::vector<std::int32_t> const& ranks);

// Tokens that each group receives; a token counts once for each of its experts. Unit: tokens.
std::vector<std::int64_t> loads_of(Level const& level, std::span<std::int64_t const> expert_loads);

// Sets `noise_floor` (by its formulas where there are any, else the simulation's mean) and `noise_ceiling`.
void add_noise(Level const& level, Json& json);

// The figures of one layer's loads and, for each, whether it is above noise.
Json measured(Level const& level, std::span<std::int64_t const> loads);

// One layer's batches: the middle, the uneven end and the worst of each figure, the share of batches whose
// Gini coefficient is above noise, and all of these coefficients. Shape of counts: [batch, layer, expert].
Json over_batches(Level const& level, Grid<std::int64_t, 3> const& counts, std::size_t layer);

}  // namespace moewire
