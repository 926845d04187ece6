#include "routing/margin.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace moewire {
namespace {

struct Scored {
    Routing routing;
    Grid<float, 3> logits;
};

// Picks are the top_k of random logits, as a plain router's.
Scored random_scores(std::size_t layers, std::size_t tokens, std::int32_t experts, std::size_t top_k) {
    Random random(3, "test margins");
    Scored s{{experts, Grid<std::int32_t, 3>(layers, tokens, top_k)},
             Grid<float, 3>(layers, tokens, static_cast<std::size_t>(experts))};
    for (auto& logit : s.logits.values()) logit = static_cast<float>(8 * random.uniform() - 4);
    for (std::size_t layer = 0; layer < layers; ++layer) {
        for (std::size_t token = 0; token < tokens; ++token) {
            auto const row = s.logits.row(layer, token);
            auto order = random.permutation(experts);
            std::sort(order.begin(), order.end(), [&](auto a, auto b) {
                return row[static_cast<std::size_t>(a)] > row[static_cast<std::size_t>(b)];
            });
            std::copy_n(order.begin(), top_k, s.routing.picks.row(layer, token).begin());
        }
    }
    return s;
}

TEST(RouterMargins, AreDifferencesOfNeighboursInTheSortedSoftmax) {
    auto const s = random_scores(2, 50, 8, 3);
    auto const margins = router_margins(s.routing, s.logits);
    for (std::size_t layer = 0; layer < 2; ++layer) {
        for (std::size_t token = 0; token < 50; ++token) {
            std::vector<double> scores;
            double total = 0;
            for (float const logit : s.logits.row(layer, token)) {
                scores.push_back(std::exp(static_cast<double>(logit)));
                total += scores.back();
            }
            std::sort(scores.rbegin(), scores.rend());
            EXPECT_NEAR(margins(layer, token), (scores[2] - scores[3]) / total, 1e-6);
        }
    }
}

TEST(RouterMargins, LargeLogitsDoNotOverflow) {
    Routing const routing{3, Grid<std::int32_t, 3>({1, 1, 1}, {1})};
    Grid<float, 3> const logits({1, 1, 3}, {-1000.0F, 900.0F, 0.0F});
    EXPECT_FLOAT_EQ(router_margins(routing, logits)(0, 0), 1);
}

TEST(RouterMargins, AllChosenAndOverruledScores) {
    Grid<float, 3> const logits({1, 1, 2}, {std::log(3.0F), 0.0F});
    Routing const all{2, Grid<std::int32_t, 3>({1, 1, 2}, {0, 1})};
    EXPECT_FLOAT_EQ(router_margins(all, logits)(0, 0), 0.25F);
    Routing const overruled{2, Grid<std::int32_t, 3>({1, 1, 1}, {1})};
    EXPECT_FLOAT_EQ(router_margins(overruled, logits)(0, 0), -0.5F);
}

TEST(MarginSummary, CountsEveryTokenOnce) {
    std::vector<float> const margins{-0.2F, 0, 0.009F, 0.04F, 0.06F, 0.5F, 0.99F, 1};
    auto const summary = summarise_margins(margins);
    EXPECT_EQ(sum(summary.histogram), 8);
    EXPECT_EQ(summary.histogram[0], 4);
    EXPECT_EQ(summary.histogram[1], 1);
    EXPECT_EQ(summary.histogram[10], 1);
    EXPECT_EQ(summary.histogram[19], 2);
    EXPECT_FLOAT_EQ(static_cast<float>(summary.median), 0.04F);
    EXPECT_DOUBLE_EQ(summary.share_narrow, 3.0 / 8);
}

}  // namespace
}  // namespace moewire
