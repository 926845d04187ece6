#include "routing/co_activation.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/routing.hpp"

namespace moewire {
namespace {

bool chose(Routing const& routing, std::size_t layer, std::size_t token, std::size_t expert) {
    auto const picks = routing.picks.row(layer, token);
    return std::find(picks.begin(), picks.end(), static_cast<std::int32_t>(expert)) != picks.end();
}

Grid<std::int64_t, 2> layer_of(Grid<std::int64_t, 3> const& all, std::size_t layer) {
    auto const row = all.row(layer);
    return {{all.extent(1), all.extent(2)}, {row.begin(), row.end()}};
}

TEST(CountPairs, AgreesWithAskingEveryPairOfEveryToken) {
    for (std::size_t const top_k : {1U, 2U, 4U}) {
        auto const routing = random_routing(2, 150, 8, top_k, 7, 0.5);
        auto const pairs = count_pairs(routing);
        for (std::size_t layer = 0; layer < 2; ++layer) {
            for (std::size_t i = 0; i < 8; ++i) {
                for (std::size_t j = 0; j < 8; ++j) {
                    std::int64_t both = 0;
                    for (std::size_t token = 0; token < 150; ++token) {
                        both += i != j && chose(routing, layer, token, i) && chose(routing, layer, token, j);
                    }
                    EXPECT_EQ(pairs(layer, i, j), both);
                }
            }
        }
    }
}

TEST(CountPairs, RowsSumToTheLoads) {
    auto const routing = random_routing(3, 200, 16, 4, 3, 0.3);
    auto const pairs = count_pairs(routing);
    auto const counts = count_picks(routing);
    for (std::size_t layer = 0; layer < 3; ++layer) {
        for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(sum(pairs.row(layer, i)), 3 * counts(layer, i));
    }
}

TEST(CountPairs, ManyOrNoTokens) {
    EXPECT_EQ(sum(count_pairs(random_routing(1, 0, 4, 2, 1)).values()), 0);
    EXPECT_EQ(sum(count_pairs(random_routing(1, 50, 4, 4, 1)).values()), 50 * 4 * 3);
}

TEST(ExpectedPairs, KeepTheLoadsAndTheEmptyDiagonal) {
    std::vector<std::int64_t> const loads{400, 100, 0, 250, 30, 20};
    auto const expected = expected_pairs(loads, 2);
    for (std::size_t i = 0; i < loads.size(); ++i) {
        double row = 0;
        for (std::size_t j = 0; j < loads.size(); ++j) {
            EXPECT_EQ(expected(i, j), expected(j, i));
            row += expected(i, j);
        }
        EXPECT_EQ(expected(i, i), 0);
        EXPECT_NEAR(row, static_cast<double>(loads[i]), 0.5);  // 400 of 800 is the edge: slow, but near
    }
}

TEST(ExpectedPairs, EqualLoadsGiveEqualPairs) {
    std::vector<std::int64_t> const loads(16, 100);
    auto const expected = expected_pairs(loads, 4);
    for (std::size_t j = 1; j < 16; ++j) EXPECT_NEAR(expected(0, j), 300.0 / 15, 1e-9);
}

TEST(ExpectedPairs, IndependentChoicesShowNoLift) {
    auto const routing = random_routing(1, 40000, 8, 2, 11, 0.5);  // skewed, but independent
    auto const pairs = layer_of(count_pairs(routing), 0);
    auto const loads = count_picks(routing);
    auto const expected = expected_pairs(loads.row(0), 2);
    for (std::size_t i = 0; i < 8; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_NEAR(static_cast<double>(pairs(i, j)) / expected(i, j), 1, 0.2) << i << ' ' << j;
        }
    }
}

TEST(StrongestPairs, FindWhatWasPlanted) {
    auto routing = random_routing(1, 1000, 8, 2, 5);
    for (std::size_t token = 0; token < 200; ++token) {
        routing.picks(0, token, 0) = 6;
        routing.picks(0, token, 1) = 3;
    }
    auto const loads = count_picks(routing);
    auto const pairs = layer_of(count_pairs(routing), 0);
    auto const strongest = strongest_pairs(pairs, loads.row(0), 2, 3);
    ASSERT_EQ(strongest.size(), 3U);
    EXPECT_EQ(strongest[0].first, ExpertId{3});
    EXPECT_EQ(strongest[0].second, ExpertId{6});
    EXPECT_EQ(strongest[0].tokens, pairs(3, 6));
    EXPECT_GT(strongest[0].lift, 1.5);
    EXPECT_DOUBLE_EQ(strongest[0].lift * strongest[0].expected_tokens, static_cast<double>(pairs(3, 6)));
    EXPECT_LT(strongest[1].lift, strongest[0].lift);
}

TEST(StrongestPairs, OneChoiceHasNoPairs) {
    auto const routing = random_routing(1, 100, 8, 1, 5);
    auto const loads = count_picks(routing);
    EXPECT_TRUE(strongest_pairs(layer_of(count_pairs(routing), 0), loads.row(0), 1, 5).empty());
}

}  // namespace
}  // namespace moewire
