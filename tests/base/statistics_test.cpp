#include "base/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace moewire {
namespace {

std::vector<double> one_to(int count) {
    std::vector<double> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), 1.0);
    return values;
}

TEST(Statistics, NearestRankPercentiles) {
    auto const values = one_to(100);
    EXPECT_EQ(percentile(values, 0.50), 50);
    EXPECT_EQ(percentile(values, 0.95), 95);
    EXPECT_EQ(percentile(values, 0.99), 99);
    EXPECT_EQ(percentile(one_to(20), 0.95), 19);
    EXPECT_EQ(percentile(one_to(1), 0.99), 1);
}

TEST(Statistics, MedianIntervalHasTheTabulatedRanks) {
    // Binomial table for n = 10: the ranks 2 and 9 enclose the median with 97.9 %.
    auto const q = quantile(one_to(10), 0.5);
    EXPECT_EQ(q.value, 5);
    EXPECT_EQ(q.low, 2);
    EXPECT_EQ(q.high, 9);
    EXPECT_TRUE(q.bounded);
}

TEST(Statistics, IntervalOfATailSaysWhenSamplesAreTooFew) {
    auto const q = quantile(one_to(50), 0.99);
    EXPECT_FALSE(q.bounded);
    EXPECT_EQ(q.high, 50);
    EXPECT_TRUE(quantile(one_to(2000), 0.99).bounded);
}

TEST(Statistics, IntervalCoversTheTrueMedian) {
    Random random(3, "coverage");
    int covered = 0;
    int const trials = 2000;
    for (int trial = 0; trial < trials; ++trial) {
        std::vector<double> values(31);
        for (double& value : values) value = random.uniform();
        auto const q = quantile(values, 0.5);
        covered += q.low <= 0.5 && 0.5 <= q.high;
    }
    EXPECT_GT(covered, trials * 0.945);
}

TEST(Statistics, ErrorOfAMedianIsTheSpreadOfMedians) {
    Random random(7, "median error");
    std::vector<double> medians, errors;
    for (int run = 0; run < 400; ++run) {
        std::vector<double> samples;
        for (int i = 0; i < 101; ++i) {
            double sum = -6;  // of twelve uniform ones: nearly normal, deviation 1
            for (int k = 0; k < 12; ++k) sum += random.uniform();
            samples.push_back(sum);
        }
        medians.push_back(median(samples));
        errors.push_back(median_error(samples));
        samples.back() = 1e6;
        EXPECT_LT(median_error(samples), 1.2 * errors.back());
    }
    double const center = mean(medians);
    double square = 0;
    for (double const m : medians) square += (m - center) * (m - center) / 400;
    EXPECT_NEAR(mean(errors), std::sqrt(square), 0.1 * std::sqrt(square));
    EXPECT_EQ(median_error(std::vector{3.0}), 0);
}

TEST(Statistics, ConformalRadiusIsTheRankOfOneMore) {
    std::vector<double> const residuals{-4, 1, 2, -3};
    EXPECT_EQ(conformal_radius(residuals, 0.6), 3);  // ceil(5 * 0.6) = 3
    EXPECT_EQ(conformal_radius(residuals, 0.99), 4);
}

TEST(Bootstrap, IntervalOfAMeanCoversAsOftenAsItSays) {
    Random random(5, "coverage");
    int covered = 0;
    for (int trial = 0; trial < 300; ++trial) {
        std::vector<double> values;
        for (int i = 0; i < 40; ++i) values.push_back(random.uniform());
        auto const interval = bootstrap_mean(values, 0.95, static_cast<std::uint64_t>(trial));
        EXPECT_LE(interval.low, interval.value);
        EXPECT_LE(interval.value, interval.high);
        covered += interval.low <= 0.5 && 0.5 <= interval.high;
    }
    EXPECT_GT(covered, 270);
    EXPECT_LT(covered, 299);
}

}  // namespace
}  // namespace moewire
