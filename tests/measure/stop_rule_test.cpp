#include "measure/stop_rule.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace moewire {
namespace {

// 1, 1 + step, 1 + 2 step, ...: the order statistics are known, and so is the interval.
std::vector<double> ramp(int count, double step) {
    std::vector<double> values;
    for (int i = 0; i < count; ++i) values.push_back(1 + i * step);
    return values;
}

TEST(StopRule, TheAskedNumberEndsItAndNothingBefore) {
    StopRule const rule{.most_iterations = 10};
    EXPECT_EQ(should_stop(rule, ramp(9, 0), 1e9), std::nullopt);
    EXPECT_EQ(should_stop(rule, ramp(10, 0), 0), Stop::iterations);
    EXPECT_EQ(next_batch(rule, 0, 0, 1), 10);
}

TEST(StopRule, FiveEqualSamplesBoundNoMedianAndSixDo) {
    // P(all n samples on one side) = 2 / 2^n, which must be at most 5 %: n = 6.
    StopRule const rule{.most_iterations = 1000, .width = 0.01};
    EXPECT_EQ(should_stop(rule, ramp(5, 0), 0), std::nullopt);
    EXPECT_EQ(should_stop(rule, ramp(6, 0), 0), Stop::width);
    EXPECT_EQ(should_stop(rule, {}, 0), std::nullopt);
}

TEST(StopRule, TheIntervalOfTwentySamplesIsTheSixthToTheFifteenth) {
    // Binomial(20, 1/2): 5 or fewer 2.07 %, 6 or fewer 5.8 %. The median is the 10th, by nearest rank.
    auto const samples = ramp(20, 0.01);
    double const width = (1.14 - 1.05) / 1.09;
    EXPECT_EQ(should_stop({.most_iterations = 1000, .width = width * 1.001}, samples, 0), Stop::width);
    EXPECT_EQ(should_stop({.most_iterations = 1000, .width = width * 0.999}, samples, 0), std::nullopt);
}

TEST(StopRule, TheWidthOfAUniformSampleFallsAsOneOverTheRootOfItsSize) {
    // Ranks n/2 +- 1.96 sqrt(n)/2 of a ramp from 1 to 2: the width is 1.96 sqrt(n) / n, of a median of 1.5.
    for (int const n : {100, 400, 1600}) {
        double const expected = 1.96 * std::sqrt(n) / n / 1.5;
        auto const samples = ramp(n, 1.0 / n);
        EXPECT_EQ(should_stop({.most_iterations = 100000, .width = expected * 1.1}, samples, 0), Stop::width)
            << n;
        EXPECT_EQ(should_stop({.most_iterations = 100000, .width = expected * 0.85}, samples, 0),
                  std::nullopt)
            << n;
    }
}

TEST(StopRule, WhicheverComesFirst) {
    StopRule const rule{.most_iterations = 40, .width = 0.05, .most_s = 2};
    auto const wide = ramp(20, 1);
    EXPECT_EQ(should_stop(rule, wide, 1.9), std::nullopt);
    EXPECT_EQ(should_stop(rule, wide, 2), Stop::time);
    EXPECT_EQ(should_stop(rule, {}, 2), Stop::time);
    EXPECT_EQ(should_stop(rule, ramp(20, 0), 2), Stop::width);
    EXPECT_EQ(should_stop(rule, ramp(40, 0), 2), Stop::iterations);
    for (auto const& [stop, name] :
         {std::pair{Stop::iterations, "iterations"}, {Stop::width, "width"}, {Stop::time, "time"}})
        EXPECT_STREQ(name_of(stop), name);
}

TEST(StopRule, BatchesGrowAndFitIntoTheTime) {
    StopRule const rule{.most_iterations = 1000, .width = 0.05, .most_s = 10};
    EXPECT_EQ(next_batch(rule, 0, 0, 1e-6), 20);
    EXPECT_EQ(next_batch(rule, 800, 0, 1e-6), 100);
    EXPECT_EQ(next_batch(rule, 990, 0, 1e-6), 10);
    EXPECT_EQ(next_batch(rule, 0, 0, 2.0), 5);
    EXPECT_EQ(next_batch(rule, 5, 9.5, 2.0), 1);
    EXPECT_EQ(next_batch(rule, 5, 20, 2.0), 1);
    EXPECT_EQ(next_batch(StopRule{.most_iterations = 7, .width = 0.1}, 0, 1e9, 1e9), 7);
}

TEST(StopRule, NumbersThatMakeNoSenseAreRefused) {
    for (StopRule const& rule :
         {StopRule{.most_iterations = 0}, StopRule{.most_iterations = 10'000'000}, StopRule{.width = -0.1},
          StopRule{.width = 1}, StopRule{.width = std::nan("")}, StopRule{.most_s = -1},
          StopRule{.most_s = HUGE_VAL}})
        EXPECT_THROW(check(rule), Error);
    EXPECT_NO_THROW(check(StopRule{.most_iterations = 1, .width = 0.05, .most_s = 0.5}));
}

}  // namespace
}  // namespace moewire
