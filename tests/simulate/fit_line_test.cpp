#include "simulate/fit_line.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

std::vector<CalibrationPoint> points_on(double latency_s, double bytes_per_s, double noise,
                                        std::uint64_t seed) {
    Random random(seed, "noise");
    std::vector<CalibrationPoint> points;
    for (std::uint64_t bytes = 1024; bytes <= (1u << 24); bytes *= 4) {
        double const factor = std::exp(noise * (random.uniform() - 0.5));
        points.push_back({bytes, (latency_s + static_cast<double>(bytes) / bytes_per_s) * factor});
    }
    return points;
}

TEST(FitLine, RecoversExactParameters) {
    auto const line = fit_line(points_on(20e-6, 3e9, 0, 1));
    EXPECT_NEAR(line.latency_s, 20e-6, 1e-12);
    EXPECT_NEAR(line.bandwidth_bytes_per_s, 3e9, 1);
    EXPECT_NEAR(line.log_radius, 0, 1e-9);
    EXPECT_EQ(line.least_bytes, 1024u);
}

TEST(FitLine, OneOutlierHardlyMovesIt) {
    auto points = points_on(20e-6, 3e9, 0.05, 2);
    points[3].time_s *= 10;
    auto const line = fit_line(points);
    EXPECT_NEAR(line.latency_s / 20e-6, 1, 0.15);
    EXPECT_NEAR(line.bandwidth_bytes_per_s / 3e9, 1, 0.15);
    EXPECT_GT(line.log_radius, 1.5);  // the interval admits that such points exist
}

TEST(FitLine, LatencyIsNeverNegative) {
    std::vector<CalibrationPoint> const points{{1000, 0.5e-6}, {2000, 2e-6}, {4000, 5e-6}, {8000, 11e-6}};
    EXPECT_GE(fit_line(points).latency_s, 0);
}

TEST(FitLine, UselessPointsAreRefused) {
    EXPECT_THROW(fit_line(std::vector<CalibrationPoint>{{1000, 1e-6}, {2000, 2e-6}}), Error);
    EXPECT_THROW(fit_line(std::vector<CalibrationPoint>{{1000, 1e-6}, {2000, 0}, {3000, 1e-6}}), Error);
    EXPECT_THROW(fit_line(std::vector<CalibrationPoint>{{1000, 9e-6}, {2000, 5e-6}, {4000, 1e-6}}), Error);
}

TEST(CalibrationSizes, CoverTheRangeAndAvoidThePredicted) {
    std::vector<std::uint64_t> const predicted{4096, 65536, 1000000};
    auto const sizes = calibration_sizes(1024, 1 << 22, 13, predicted);
    ASSERT_EQ(sizes.size(), 13u);
    EXPECT_EQ(sizes.front(), 1024u);
    EXPECT_NEAR(static_cast<double>(sizes.back()), 1 << 22, 1e5);
    for (auto const size : sizes) {
        for (auto const p : predicted)
            EXPECT_GT(std::abs(std::log(static_cast<double>(size) / static_cast<double>(p))), 0.019);
    }
}

TEST(FitLine, DigestFollowsTheParameters) {
    Line a{1, 2, 3, 4, 5};
    Line b = a;
    EXPECT_EQ(digest_of(a), digest_of(b));
    b.latency_s = std::nextafter(1.0, 2.0);
    EXPECT_NE(digest_of(a), digest_of(b));
}

}  // namespace
}  // namespace moewire
