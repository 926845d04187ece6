#include "routing/multinomial.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/contract.hpp"

namespace moewire {
namespace {

constexpr double most_inverted_hits = 64;  // e^-64 is far from the smallest double

// Walks up from no hit at all.
std::int64_t invert(std::int64_t draws, double chance, double u) {
    double const odds = chance / (1 - chance);
    double probability = std::exp(static_cast<double>(draws) * std::log1p(-chance));
    std::int64_t hits = 0;
    for (double below = probability; u >= below && hits < draws; below += probability) {
        probability *= odds * static_cast<double>(draws - hits) / static_cast<double>(hits + 1);
        ++hits;
        if (probability < 1e-300) break;
    }
    return hits;
}

}  // namespace

std::int64_t draw_binomial(std::int64_t draws, double chance, Random& random) {
    if (draws <= 0 || chance <= 0) return 0;
    if (chance >= 1) return draws;
    if (chance > 0.5) return draws - draw_binomial(draws, 1 - chance, random);
    double const mean = static_cast<double>(draws) * chance;
    if (mean <= most_inverted_hits) return invert(draws, chance, random.uniform());
    double const normal =
        std::sqrt(-2 * std::log(1 - random.uniform())) * std::cos(2 * std::numbers::pi * random.uniform());
    double const hits = std::round(mean + std::sqrt(mean * (1 - chance)) * normal);
    return static_cast<std::int64_t>(std::clamp(hits, 0.0, static_cast<double>(draws)));
}

std::vector<std::int64_t> draw_multinomial(std::int64_t draws, std::span<double const> shares,
                                           Random& random) {
    double left = std::accumulate(shares.begin(), shares.end(), 0.0);
    MOEWIRE_EXPECT(!shares.empty() && std::abs(left - 1) < 1e-6);
    std::vector<std::int64_t> counts;
    for (double const share : shares) {
        // The last gets what is left, whatever rounding has made of its chance.
        bool const is_last = counts.size() + 1 == shares.size();
        counts.push_back(is_last ? draws : draw_binomial(draws, left > 0 ? share / left : 0, random));
        draws -= counts.back();
        left -= share;
    }
    return counts;
}

}  // namespace moewire
