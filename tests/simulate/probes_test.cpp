#include "simulate/probes.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace moewire {
namespace {

TEST(MessageSizes, ThreeInEveryRegimeAndBothSidesOfEveryEdge) {
    auto const sizes = message_sizes(std::vector<std::int64_t>{4096, 65536}, 16, 64, 1 << 20);
    auto const between = [&](std::uint64_t low, std::uint64_t high) {
        return std::count_if(sizes.begin(), sizes.end(), [&](auto s) { return s > low && s <= high; });
    };
    EXPECT_GE(between(0, 4096), 3);
    EXPECT_GE(between(4096, 65536), 3);
    EXPECT_GE(between(65536, 1 << 20), 3);
    for (std::uint64_t const size : {4096, 4112, 65536, 65552})
        EXPECT_TRUE(std::binary_search(sizes.begin(), sizes.end(), size)) << size;
    for (auto const size : sizes) EXPECT_EQ(size % 16, 0u);
}

TEST(MessageSizes, LimitsOutsideTheRangeAreNoEdges) {
    auto const sizes = message_sizes(std::vector<std::int64_t>{4096, 65536}, 256, 8192, 32768);
    EXPECT_EQ(sizes, (std::vector<std::uint64_t>{8192, 16384, 32768}));
}

TEST(Probes, EveryPatternIsThereAndEveryMatrixOnce) {
    std::vector<int> const nodes{0, 0, 1, 1};
    auto const probes = probes_for(nodes, edges_of({}), 16, 256, 1 << 18);
    std::set<std::string> patterns;
    for (std::size_t i = 0; i < probes.size(); ++i) {
        patterns.insert(probes[i].pattern);
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_FALSE(probes[i].bytes == probes[j].bytes) << probes[i].name();
        for (auto const b : probes[i].bytes.values()) EXPECT_EQ(b % 16, 0u);
    }
    for (auto const* pattern : {"empty", "self", "near pair", "far pair", "one-to-2", "3-to-one", "uniform",
                                "permutation by 1", "permutation by 2", "lopsided 4", "drawn 3"})
        EXPECT_TRUE(patterns.contains(pattern)) << pattern;
    Topology const topology({}, nodes);
    std::set<Regime> regimes;
    for (auto const& probe : probes) regimes.insert(load_of({topology, probe.bytes}, {}).regime);
    EXPECT_EQ(regimes.size(), 4u);
    EXPECT_EQ(probes_for(nodes, edges_of({}), 16, 256, 1 << 18).back().bytes,
              probes.back().bytes);  // drawn alike every time
}

TEST(Probes, TwoRanksHaveNoFarPairOnOneNode) {
    for (auto const& probe : probes_for({0, 0}, edges_of({}), 16, 256, 1 << 18)) {
        EXPECT_NE(probe.pattern, "far pair");
        EXPECT_EQ(probe.bytes.extent(0), 2u);
    }
}

}  // namespace
}  // namespace moewire
