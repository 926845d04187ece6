#include "measure/rung_figures.hpp"

#include <gtest/gtest.h>

namespace moewire {
namespace {

TEST(RungFigures, TheSlowestRankOfEachIterationCounts) {
    // Iterations of 1 .. 20 s on rank 1; rank 0 takes half.
    Grid<double, 2> times_s(20, 2);
    for (std::size_t i = 0; i < 20; ++i) {
        times_s(i, 1) = static_cast<double>(i) + 1;
        times_s(i, 0) = times_s(i, 1) / 2;
    }
    auto const f = figures_of(times_s, ByteMatrix({2, 2}, {100, 200, 300, 400}));
    EXPECT_EQ(f.p50.value, 10);
    EXPECT_EQ(f.p50.low, 6);
    EXPECT_EQ(f.p50.high, 15);
    EXPECT_EQ(f.p50.samples, 20);
    EXPECT_EQ(f.p95_s, 19);
    EXPECT_EQ(f.p99_s, 20);
    EXPECT_EQ(f.fastest_rank_s, 5);
    EXPECT_EQ(f.stragglers, 5);     // 16 .. 20
    EXPECT_EQ(f.size_bytes, 700u);  // rank 1 sends it
    EXPECT_DOUBLE_EQ(f.algbw_bytes_per_s, 70);
    EXPECT_DOUBLE_EQ(f.busbw_bytes_per_s, 35);
}

TEST(RungFigures, AUniformExchangeIsWhatAlltoallPerfDivides) {
    // 4 ranks, 1 MiB each over all peers, 0.5 s: 2 MiB/s, of which three quarters leave a rank.
    ByteMatrix bytes(4, 4);
    for (auto& value : bytes.values()) value = 1 << 18;
    auto const f = figures_of(Grid<double, 2>({1, 4}, {0.5, 0.25, 0.5, 0.125}), bytes);
    EXPECT_EQ(f.size_bytes, 1u << 20);
    EXPECT_DOUBLE_EQ(f.algbw_bytes_per_s, 2 << 20);
    EXPECT_DOUBLE_EQ(f.busbw_bytes_per_s, 0.75 * (2 << 20));
    EXPECT_FALSE(f.p50.bounded);
}

TEST(RungFigures, NothingHasNoBandwidthAndOneRankNoBus) {
    Grid<double, 2> const times_s({2, 1}, {0, 0});
    EXPECT_EQ(figures_of(times_s, ByteMatrix({1, 1}, {64})).algbw_bytes_per_s, 0);
    EXPECT_EQ(figures_of(Grid<double, 2>({1, 1}, {1}), ByteMatrix(1, 1)).algbw_bytes_per_s, 0);
    auto const alone = figures_of(Grid<double, 2>({1, 1}, {1}), ByteMatrix({1, 1}, {64}));
    EXPECT_EQ(alone.algbw_bytes_per_s, 64);
    EXPECT_EQ(alone.busbw_bytes_per_s, 0);
}

}  // namespace
}  // namespace moewire
