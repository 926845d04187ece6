#include "routing/multinomial.hpp"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "routing/imbalance.hpp"

namespace moewire {
namespace {

// Mean and variance of many draws, within five standard errors of what they must be.
void expect_moments(std::int64_t draws, double chance) {
    Random random(1, "binomial");
    constexpr int trials = 20'000;
    double sum = 0, squares = 0;
    double const mean = static_cast<double>(draws) * chance, variance = mean * (1 - chance);
    for (int i = 0; i < trials; ++i) {
        auto const hits = draw_binomial(draws, chance, random);
        ASSERT_GE(hits, 0);
        ASSERT_LE(hits, draws);
        double const off = static_cast<double>(hits) - mean;
        sum += off;
        squares += off * off;
    }
    EXPECT_NEAR(sum / trials, 0, 5 * std::sqrt(variance / trials)) << draws << " x " << chance;
    // Rare hits make a variance uncertain: by the fourth moment of a binomial.
    double const kurtosis = 3 + (1 - 6 * chance * (1 - chance)) / variance;
    EXPECT_NEAR(squares / trials / variance, 1, 5 * std::sqrt((kurtosis - 1) / trials))
        << draws << " x " << chance;
}

TEST(Binomial, HasTheRightMoments) {
    for (auto const draws : {1, 7, 300, 100'000})
        for (double const chance : {0.001, 0.2, 0.5, 0.93}) expect_moments(draws, chance);
    expect_moments(std::int64_t{1} << 40, 1e-9);
}

TEST(Binomial, KnowsItsEdges) {
    Random random(2, "edges");
    EXPECT_EQ(draw_binomial(0, 0.5, random), 0);
    EXPECT_EQ(draw_binomial(10, 0, random), 0);
    EXPECT_EQ(draw_binomial(10, 1, random), 10);
}

TEST(Multinomial, SumsUpAndFollowsTheShares) {
    Random random(3, "multinomial");
    auto const shares = popularity_at_gini(50, 0.6);
    std::vector<double> sums(shares.size());
    constexpr int trials = 2000;
    for (int trial = 0; trial < trials; ++trial) {
        auto const counts = draw_multinomial(1000, shares, random);
        ASSERT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), 1000);
        for (std::size_t i = 0; i < counts.size(); ++i) {
            ASSERT_GE(counts[i], 0);
            sums[i] += static_cast<double>(counts[i]);
        }
    }
    for (std::size_t i = 0; i < shares.size(); ++i) {
        double const expected = 1000.0 * trials * shares[i];
        EXPECT_NEAR(sums[i], expected, 5 * std::sqrt(expected)) << i;
    }
}

}  // namespace
}  // namespace moewire
