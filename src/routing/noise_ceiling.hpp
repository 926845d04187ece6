// How uneven may chance alone look? Simulated uniform routing, and the level that it hardly ever exceeds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "routing/imbalance.hpp"

namespace moewire {

// Draws of one simulation: enough for a 99th percentile that moves by a few per cent with the seed.
constexpr int uniform_draws = 1000;

// Figures of `uniform_draws` texts of `tokens` tokens that each pick `top_k` distinct experts of `experts` at
// random; loads compared as in noise_floor. Where experts do not divide by groups, the first hold one more,
// so blocks of unequal size are part of what chance shows. Beyond 4096 tokens the deviations of 4096 are
// scaled by the root of the number of tokens. The same numbers on every machine and rank.
std::vector<Imbalance> simulate_uniform(std::int64_t tokens, std::int32_t experts, std::int32_t top_k,
                                        std::int32_t groups);

// Each figure's 99th percentile over the draws (entropy: the 1st, for there less is more uneven).
Imbalance noise_ceiling(std::span<Imbalance const> draws);
Imbalance noise_ceiling(std::int64_t tokens, std::int32_t experts, std::int32_t top_k, std::int32_t groups);

// The rule of "above noise": more uneven than 99 of 100 uniformly routed texts of that many tokens.
struct AboveNoise {
    bool gini = false, cv = false, max_over_mean = false, max_over_min = false, entropy = false, idle = false;
};
AboveNoise above_noise(Imbalance const& measured, Imbalance const& ceiling);

}  // namespace moewire
