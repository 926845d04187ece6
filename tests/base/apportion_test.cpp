#include "base/apportion.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "base/grid.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

using Shares = std::vector<std::int64_t>;

TEST(EvenShares, DifferByOneAtMost) {
    EXPECT_EQ(even_shares(7, 3), (Shares{3, 2, 2}));
    EXPECT_EQ(even_shares(0, 2), (Shares{0, 0}));
    EXPECT_EQ(even_shares(2, 4), (Shares{1, 1, 0, 0}));
}

TEST(Apportion, KnownExamples) {
    EXPECT_EQ(apportion(10, std::vector{1.0, 1.0, 1.0}), (Shares{4, 3, 3}));
    EXPECT_EQ(apportion(10, std::vector{0.0, 0.0}), (Shares{5, 5}));
    EXPECT_EQ(apportion(5, std::vector{0.7, 0.2, 0.1}), (Shares{4, 1, 0}));
    EXPECT_EQ(apportion(3, std::vector{0.0, 1.0}), (Shares{0, 3}));
}

TEST(Apportion, SumsToTheTotalAndStaysWithinOneOfTheExactShare) {
    Random random(1, "apportion");
    for (int trial = 0; trial < 2000; ++trial) {
        std::vector<double> weights(1 + random.below(40));
        double total_weight = 0;
        for (auto& w : weights)
            total_weight += w = random.below(3) == 0 ? 0 : std::exp(20 * random.uniform());
        auto const total = static_cast<std::int64_t>(random.below(1000000));
        auto const shares = apportion(total, weights);
        ASSERT_EQ(sum(shares), total);
        if (total_weight == 0) continue;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            ASSERT_LT(std::abs(static_cast<double>(shares[i]) -
                               static_cast<double>(total) * weights[i] / total_weight),
                      1 + 1e-6);
        }
    }
}

}  // namespace
}  // namespace moewire
