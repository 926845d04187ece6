// Closed forms of means, errors and paired differences.
#include "model/perplexity.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

TEST(WindowScores, MeanIsOverTargetsNotWindows) {
    WindowScores const scores{{6, 10}, {3, 1}};
    EXPECT_DOUBLE_EQ(scores.nll_sum(), 16);
    EXPECT_EQ(scores.target_sum(), 4);
    EXPECT_DOUBLE_EQ(scores.mean_nll(), 4);
}

// Equal windows: the standard deviation of their means over the root of their number.
TEST(WindowScores, StandardErrorOfEqualWindows) {
    WindowScores const scores{{10, 20, 30, 40}, {10, 10, 10, 10}};  // means 1 2 3 4, variance 5/3
    EXPECT_NEAR(scores.standard_error(), std::sqrt(5.0 / 3 / 4), 1e-15);
}

// Residuals 6 - 4 * 3 = -6 and 10 - 4 = 6: sqrt(2 / 1 * 72) / 4 = 3.
TEST(WindowScores, StandardErrorOfUnequalWindows) {
    EXPECT_NEAR((WindowScores{{6, 10}, {3, 1}}).standard_error(), 3, 1e-15);
    EXPECT_TRUE(std::isnan((WindowScores{{6}, {3}}).standard_error()));
}

// Means 2, 5, 7; weights 3, 1 (2 - 1), 0 (1 - 1).
TEST(WindowScores, ThePagesWeighting) {
    EXPECT_DOUBLE_EQ((WindowScores{{6, 10, 7}, {3, 2, 1}}).page_mean_nll(), (2 * 3 + 5 * 1) / 4.0);
}

TEST(PairedDifference, OfEqualRunsIsExactlyZero) {
    WindowScores const a{{6, 10, 7}, {3, 2, 1}};
    auto const d = paired_difference(a, a, 0.95);
    EXPECT_EQ(d.value, 0);
    EXPECT_EQ(d.low, 0);
    EXPECT_EQ(d.high, 0);
}

TEST(PairedDifference, IsThatOfTheMeansWhateverTheLengths) {
    WindowScores const a{{6, 10, 7}, {3, 2, 1}}, b{{5, 10.5, 3}, {3, 2, 1}};
    auto const d = paired_difference(a, b, 0.95);
    EXPECT_NEAR(d.value, a.mean_nll() - b.mean_nll(), 1e-15);
    EXPECT_NEAR(paired_difference(b, a, 0.95).value, -d.value, 1e-15);
    EXPECT_LT(d.low, d.value);
    EXPECT_GT(d.high, d.value);
}

// What all windows share falls out: a constant shift a target has no spread.
TEST(PairedDifference, SeesNoSpreadInAConstantShift) {
    WindowScores a{{}, {}}, b;
    for (int w = 0; w < 20; ++w) {
        a.nll.push_back(100 + 37 * w);
        b.nll.push_back(100 + 37 * w - 8);
        a.targets.push_back(16);
    }
    b.targets = a.targets;
    auto const d = paired_difference(a, b, 0.95);
    EXPECT_NEAR(d.low, 0.5, 1e-12);
    EXPECT_NEAR(d.high, 0.5, 1e-12);
}

TEST(PairedDifference, OneWindowHasNoInterval) {
    auto const d = paired_difference({{6}, {3}}, {{3}, {3}}, 0.95);
    EXPECT_DOUBLE_EQ(d.value, 1);
    EXPECT_TRUE(std::isnan(d.low) && std::isnan(d.high));
}

// The interval covers the truth about as often as it says: 300 draws of 60 windows of normal-like
// differences.
TEST(PairedDifference, CoversTheTruth) {
    Random random(11, "coverage");
    int covered = 0;
    constexpr int draws = 300, windows = 60;
    for (int draw = 0; draw < draws; ++draw) {
        WindowScores a{std::vector<double>(windows, 0), std::vector<std::int64_t>(windows, 10)}, b = a;
        for (auto& nll : a.nll)
            for (int i = 0; i < 12; ++i) nll += random.uniform() - 0.5;
        for (auto& nll : a.nll) nll += 2;  // a target's mean differs by 0.2
        auto const d = paired_difference(a, b, 0.95);
        covered += d.low <= 0.2 && 0.2 <= d.high;
    }
    EXPECT_GE(covered, 0.90 * draws);
    EXPECT_LE(covered, 0.985 * draws);
}

}  // namespace
}  // namespace moewire
