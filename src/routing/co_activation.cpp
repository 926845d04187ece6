#include "routing/co_activation.hpp"

#include <algorithm>
#include <cmath>

#include "base/contract.hpp"

namespace moewire {
namespace {

double standing_out(ExpertPair const& pair) {
    return (static_cast<double>(pair.tokens) - pair.expected_tokens) / std::sqrt(pair.expected_tokens);
}

// w with w_i (sum w - w_i) = row_sums_i. The geometric mean of old and new keeps it from swinging.
std::vector<double> scaling_of(std::vector<double> const& row_sums) {
    constexpr int most_rounds = 2000;
    constexpr double enough = 1e-13;
    double const total = sum(row_sums);
    std::vector<double> weights;
    for (double const row : row_sums) weights.push_back(total > 0 ? row / std::sqrt(total) : 0);
    for (int round = 0; round < most_rounds; ++round) {
        double const all = sum(weights);
        double change = 0;
        auto next = weights;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            if (row_sums[i] <= 0) continue;
            next[i] = std::sqrt(weights[i] * row_sums[i] / (all - weights[i]));
            change = std::max(change, std::abs(next[i] / weights[i] - 1));
        }
        weights = std::move(next);
        if (change < enough) break;
    }
    return weights;
}

}  // namespace

Grid<std::int64_t, 3> count_pairs(Routing const& routing) {
    auto const experts = static_cast<std::size_t>(routing.experts);
    Grid<std::int64_t, 3> pairs(routing.layers(), experts, experts);
    for (std::size_t layer = 0; layer < routing.layers(); ++layer) {
        for (std::size_t token = 0; token < routing.tokens(); ++token) {
            auto const chosen = routing.picks.row(layer, token);
            for (auto const a : chosen) {
                for (auto const b : chosen) {
                    if (a != b && a != no_pick && b != no_pick) ++pairs(layer, a, b);
                }
            }
        }
    }
    return pairs;
}

Grid<double, 2> expected_pairs(std::span<std::int64_t const> loads, std::int32_t top_k) {
    MOEWIRE_EXPECT(!loads.empty() && top_k > 0);
    std::vector<double> row_sums;
    for (auto const load : loads) row_sums.push_back(static_cast<double>(load) * (top_k - 1));
    auto const weights = scaling_of(row_sums);
    Grid<double, 2> expected(loads.size(), loads.size());
    for (std::size_t i = 0; i < loads.size(); ++i) {
        for (std::size_t j = 0; j < loads.size(); ++j) {
            if (i != j) expected(i, j) = weights[i] * weights[j];
        }
    }
    return expected;
}

std::vector<ExpertPair> strongest_pairs(Grid<std::int64_t, 2> const& pairs,
                                        std::span<std::int64_t const> loads, std::int32_t top_k,
                                        std::size_t most) {
    auto const expected = expected_pairs(loads, top_k);
    std::vector<ExpertPair> found;
    for (ExpertId const i : ids<ExpertId>(loads.size())) {
        for (std::size_t j = index_of(i) + 1; j < loads.size(); ++j) {
            if (pairs(i, j) == 0 || expected(i, j) <= 0) continue;
            found.push_back({i, make_id<ExpertId>(j), pairs(i, j), expected(i, j),
                             static_cast<double>(pairs(i, j)) / expected(i, j)});
        }
    }
    std::stable_sort(found.begin(), found.end(),
                     [](auto const& a, auto const& b) { return standing_out(a) > standing_out(b); });
    found.resize(std::min(found.size(), most));
    return found;
}

}  // namespace moewire
