#include "routing/imbalance.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/routing.hpp"

namespace moewire {
namespace {

TEST(Imbalance, KnownValues) {
    std::vector<std::int64_t> const loads{0, 1, 2, 3, 4};
    auto const i = imbalance_of(loads);
    EXPECT_DOUBLE_EQ(i.gini, 0.4);  // textbook value of 0..4
    EXPECT_DOUBLE_EQ(i.cv, std::sqrt(2.0) / 2);
    EXPECT_DOUBLE_EQ(i.max_over_mean, 2);
    EXPECT_DOUBLE_EQ(i.max_over_min, 5);
    EXPECT_EQ(i.idle, 1);
}

TEST(Imbalance, ExtremesAndEmptyLoads) {
    std::vector<std::int64_t> const equal{7, 7, 7, 7}, one{0, 0, 9, 0}, none{0, 0};
    EXPECT_DOUBLE_EQ(imbalance_of(equal).gini, 0);
    EXPECT_DOUBLE_EQ(imbalance_of(equal).entropy, 1);
    EXPECT_DOUBLE_EQ(imbalance_of(one).gini, 0.75);
    EXPECT_DOUBLE_EQ(imbalance_of(one).entropy, 0);
    EXPECT_DOUBLE_EQ(imbalance_of(none).gini, 0);
    EXPECT_EQ(imbalance_of(none).idle, 2);
}

struct FloorCase {
    std::int64_t tokens;
    std::int32_t experts, top_k, groups;
};

class NoiseFloorTest : public testing::TestWithParam<FloorCase> {};

TEST_P(NoiseFloorTest, AgreesWithSimulationWithinFourPercent) {
    auto const p = GetParam();
    int const draws = p.tokens > 1000 ? 60 : 400;
    double gini = 0, cv = 0, excess = 0;
    for (int draw = 0; draw < draws; ++draw) {
        auto const routing =
            random_routing(1, static_cast<std::size_t>(p.tokens), p.experts,
                           static_cast<std::size_t>(p.top_k), static_cast<std::uint64_t>(draw));
        auto const counts = count_picks(routing);
        std::vector<std::int64_t> loads(static_cast<std::size_t>(p.groups));
        for (std::int32_t e = 0; e < p.experts; ++e) {
            loads[static_cast<std::size_t>(e * p.groups / p.experts)] += counts(0, e);
        }
        auto const i = imbalance_of(loads);
        gini += i.gini / draws;
        cv += i.cv / draws;
        excess += (i.max_over_mean - 1) / draws;
    }
    auto const floor = noise_floor(p.tokens, p.experts, p.top_k, p.groups);
    EXPECT_NEAR(floor.gini / gini, 1, 0.06);
    EXPECT_NEAR(floor.cv / cv, 1, 0.08);  // the mean of a root lies below the root of the mean
    EXPECT_NEAR((1 + floor.max_over_mean) / (2 + excess), 1, 0.04);
}

INSTANTIATE_TEST_SUITE_P(ExpertsAndRanks, NoiseFloorTest,
                         testing::Values(FloorCase{64, 16, 2, 16}, FloorCase{1024, 16, 2, 16},
                                         FloorCase{256, 64, 8, 64}, FloorCase{512, 16, 2, 4},
                                         FloorCase{256, 64, 8, 8}, FloorCase{2048, 8, 2, 8}));

TEST(NoiseFloor, PublishedValues) {
    EXPECT_NEAR(noise_floor(1024, 16, 2, 16).gini, 0.045, 0.001);
    EXPECT_NEAR(noise_floor(4096, 16, 2, 16).max_over_mean, 1.08, 0.005);
}

TEST(NoiseFloor, NothingToCompareHasNoFloor) {
    EXPECT_EQ(noise_floor(10, 8, 8, 8).gini, 0);
    EXPECT_EQ(noise_floor(10, 8, 2, 1).max_over_mean, 1);
}

TEST(Popularity, ReachesTheGiniExactly) {
    for (double const gini : {0.0, 0.1, 0.2, 0.5, 0.8, 0.93}) {
        auto const shares = popularity_at_gini(16, gini);
        double total = 0;
        for (double const share : shares) total += share;
        EXPECT_NEAR(gini_of(shares), gini, 1e-12);
        EXPECT_NEAR(total, 1, 1e-12);
        EXPECT_TRUE(std::is_sorted(shares.rbegin(), shares.rend()));
    }
}

TEST(Popularity, UnreachableGiniIsRefused) {
    EXPECT_THROW(popularity_at_gini(4, 0.75), Error);
    EXPECT_THROW(popularity_at_gini(4, -0.1), Error);
    EXPECT_THROW(popularity_at_gini(4, std::nan("")), Error);
    EXPECT_THROW(popularity_at_gini(1, 0.1), Error);
}

TEST(Routing, CountsEveryPickOnce) {
    auto const routing = random_routing(3, 100, 8, 2, 1);
    auto const counts = count_picks(routing);
    for (std::size_t layer = 0; layer < 3; ++layer) EXPECT_EQ(sum(counts.row(layer)), 200);
    EXPECT_NO_THROW(validate(routing));
    auto broken = routing;
    broken.picks(0, 0, 0) = 8;
    EXPECT_THROW(validate(broken), Error);
}

}  // namespace
}  // namespace moewire
