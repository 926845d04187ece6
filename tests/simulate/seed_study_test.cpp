#include "simulate/seed_study.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace moewire {
namespace {

TEST(SeedStudy, BalancedTimeByHand) {
    // 128 tokens a GPU, top-2, 8192 bytes a row; 7/8 of it leaves: 1,835,008 bytes at 12.5e9 B/s, there and
    // back.
    auto const level = run_seed_level({}, 0.0);
    EXPECT_NEAR(level.overall_max_time_s, 2 * (1e-6 + 1835008 / 12.5e9), 1e-15);
    for (double const bytes : level.sent_bytes) EXPECT_NEAR(bytes, 1835008, 1e-6);
}

TEST(SeedStudy, GoldenFigures) {
    // From an independent computation of the documented formula; the seed model never changes.
    EXPECT_NEAR(run_seed_level({}, 0.2).overall_max_time_s, 0.0005597822402336694, 1e-15);
    EXPECT_NEAR(run_seed_level({}, 0.5).overall_max_time_s, 0.0011051413569323216, 1e-15);
    EXPECT_NEAR(run_seed_level({}, 0.8).overall_max_time_s, 0.0018682013022110753, 1e-15);
}

TEST(SeedStudy, TimeGrowsWithImbalance) {
    double last_s = 0;
    for (double const imbalance : {0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9}) {
        auto const level = run_seed_level({}, imbalance);
        EXPECT_GT(level.overall_max_time_s, last_s);
        EXPECT_LE(level.mean_time_s, level.overall_max_time_s * (1 + 1e-12));
        EXPECT_LE(level.p50_s, level.p99_s);
        last_s = level.overall_max_time_s;
    }
}

TEST(SeedStudy, SampledTimesScatterAroundTheExpectedOne) {
    auto const level = run_seed_level({}, 0.5);
    EXPECT_EQ(level.sampled_max_time_s.size(), 100u);
    EXPECT_NEAR(level.p50_s / level.overall_max_time_s, 1, 0.05);
    EXPECT_EQ(run_seed_level({}, 0.5).sampled_max_time_s, level.sampled_max_time_s);
}

TEST(SeedStudy, UnevenTokensAndExperts) {
    SeedStudy study;
    study.num_tokens = 1023;
    study.num_experts = 10;
    study.num_gpus = 3;
    auto const level = run_seed_level(study, 0.3);
    double sent = 0, received = 0;
    for (double const b : level.sent_bytes) sent += b;
    for (double const b : level.received_bytes) received += b;
    EXPECT_NEAR(sent, received, 1e-3);
}

TEST(SeedStudy, OneGpuSendsNothing) {
    SeedStudy study;
    study.num_gpus = 1;
    EXPECT_DOUBLE_EQ(run_seed_level(study, 0.5).overall_max_time_s, 2e-6);
}

TEST(SeedStudy, SenselessSizesAreRefused) {
    SeedStudy study;
    study.num_gpus = 17;
    EXPECT_THROW(run_seed_level(study, 0.5), Error);
    study = {};
    study.num_tokens = 0;
    EXPECT_THROW(run_seed_level(study, 0.5), Error);
    study = {};
    study.network.bandwidth_bytes_per_s = -1;
    EXPECT_THROW(run_seed_level(study, 0.5), Error);
    study = {};
    study.num_tokens = 1000000000000;
    EXPECT_THROW(run_seed_level(study, 0.5), Error);
    EXPECT_THROW(run_seed_level({}, 0.95), Error);
}

}  // namespace
}  // namespace moewire
