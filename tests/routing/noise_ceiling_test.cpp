#include "routing/noise_ceiling.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "base/statistics.hpp"
#include "support/routing.hpp"

namespace moewire {
namespace {

// The same experiment by another road: whole permutations, picks counted by the routing room itself.
std::vector<double> gini_by_brute_force(std::int64_t tokens, std::int32_t experts, std::int32_t top_k,
                                        std::int32_t groups, int draws) {
    std::vector<double> values;
    for (int draw = 0; draw < draws; ++draw) {
        auto const routing =
            random_routing(1, static_cast<std::size_t>(tokens), experts, static_cast<std::size_t>(top_k),
                           static_cast<std::uint64_t>(draw) + 1000);
        auto const counts = count_picks(routing);
        std::vector<std::int64_t> loads(static_cast<std::size_t>(groups));
        for (std::int32_t e = 0; e < experts; ++e) {
            loads[static_cast<std::size_t>(e * groups / experts)] += counts(0, e);
        }
        values.push_back(imbalance_of(loads).gini);
    }
    return values;
}

std::vector<double> gini_of_draws(std::vector<Imbalance> const& draws) {
    std::vector<double> values;
    for (auto const& draw : draws) values.push_back(draw.gini);
    return values;
}

struct CeilingCase {
    std::int64_t tokens;
    std::int32_t experts, top_k, groups;
};

class NoiseCeilingTest : public testing::TestWithParam<CeilingCase> {};

TEST_P(NoiseCeilingTest, AgreesWithBruteForceAndWithTheFloor) {
    auto const p = GetParam();
    auto const draws = simulate_uniform(p.tokens, p.experts, p.top_k, p.groups);
    auto const found = gini_of_draws(draws);
    auto const expected = gini_by_brute_force(p.tokens, p.experts, p.top_k, p.groups, 1000);
    ASSERT_EQ(found.size(), static_cast<std::size_t>(uniform_draws));
    EXPECT_NEAR(mean(found) / mean(expected), 1, 0.05);
    EXPECT_NEAR(percentile(found, 0.9) / percentile(expected, 0.9), 1, 0.1);
    EXPECT_NEAR(noise_ceiling(draws).gini / percentile(expected, 0.99), 1, 0.2);
    EXPECT_NEAR(mean(found) / noise_floor(p.tokens, p.experts, p.top_k, p.groups).gini, 1, 0.08);
}

INSTANTIATE_TEST_SUITE_P(ExpertsAndRanks, NoiseCeilingTest,
                         testing::Values(CeilingCase{64, 16, 2, 16}, CeilingCase{256, 16, 2, 2},
                                         CeilingCase{128, 64, 8, 8}, CeilingCase{300, 16, 2, 4}));

TEST(NoiseCeiling, OneOfAHundredUniformTextsIsAbove) {
    auto const draws = simulate_uniform(200, 16, 2, 16);
    auto const ceiling = noise_ceiling(draws);
    int gini = 0, cv = 0, entropy = 0, ratio = 0;
    for (auto const& draw : draws) {
        auto const above = above_noise(draw, ceiling);
        gini += above.gini;
        cv += above.cv;
        entropy += above.entropy;
        ratio += above.max_over_min;
    }
    EXPECT_EQ(gini, uniform_draws / 100);
    EXPECT_EQ(cv, uniform_draws / 100);
    EXPECT_NEAR(entropy, uniform_draws / 100, 1);
    EXPECT_LE(ratio, uniform_draws / 100);  // ties
}

TEST(NoiseCeiling, FallsWithTheRootOfTheTokens) {
    auto const small = noise_ceiling(4096, 16, 2, 16), large = noise_ceiling(16 * 4096, 16, 2, 16);
    EXPECT_NEAR(large.gini * 4 / small.gini, 1, 0.02);
    EXPECT_NEAR(large.cv * 4 / small.cv, 1, 0.02);
    EXPECT_NEAR((large.max_over_mean - 1) * 4 / (small.max_over_mean - 1), 1, 0.02);
    EXPECT_NEAR((1 - large.entropy) * 16 / (1 - small.entropy), 1, 0.05);
    EXPECT_LT(large.max_over_min, small.max_over_min);
}

TEST(NoiseCeiling, ScaledDrawsAreThoseOfThatManyTokens) {
    auto const found = gini_of_draws(simulate_uniform(8192, 8, 2, 8));
    EXPECT_NEAR(mean(found) / mean(gini_by_brute_force(8192, 8, 2, 8, 100)), 1, 0.1);
    EXPECT_NEAR(mean(found) / noise_floor(8192, 8, 2, 8).gini, 1, 0.05);
}

TEST(NoiseCeiling, EqualOnEveryCall) {
    auto const a = noise_ceiling(100, 16, 2, 4), b = noise_ceiling(100, 16, 2, 4);
    EXPECT_EQ(a.gini, b.gini);
    EXPECT_EQ(a.max_over_mean, b.max_over_mean);
}

TEST(NoiseCeiling, NothingToCompareIsNeverAbove) {
    for (auto const& ceiling : {noise_ceiling(100, 8, 8, 8), noise_ceiling(100, 8, 2, 1)}) {
        EXPECT_EQ(ceiling.gini, 0);
        EXPECT_EQ(ceiling.max_over_mean, 1);
        std::vector<std::int64_t> const equal{100, 100, 100};
        auto const above = above_noise(imbalance_of(equal), ceiling);
        EXPECT_FALSE(above.gini || above.cv || above.max_over_mean || above.max_over_min || above.entropy ||
                     above.idle);
    }
}

TEST(NoiseCeiling, UnequalBlocksAreNoImbalanceOfTheRouter) {
    // 16 experts on 3 ranks: 6, 5, 5. Uniform routing of many tokens still gives the first a fifth more.
    std::vector<std::int64_t> const loads{6000, 5000, 5000};
    EXPECT_FALSE(above_noise(imbalance_of(loads), noise_ceiling(8000, 16, 2, 3)).gini);
    EXPECT_TRUE(above_noise(imbalance_of(loads), noise_ceiling(8000, 15, 2, 3)).gini);
}

}  // namespace
}  // namespace moewire
