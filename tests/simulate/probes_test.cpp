#include "simulate/probes.hpp"

#include <algorithm>
#include <map>
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

TEST(MessageSizes, NoneIsFarFromTheNext) {
    auto const sizes = message_sizes(std::vector<std::int64_t>{4096}, 1, 256, 1 << 26);
    EXPECT_EQ(sizes.front(), 256U);
    EXPECT_EQ(sizes.back(), std::uint64_t{1} << 26);
    for (std::size_t i = 1; i < sizes.size(); ++i)
        EXPECT_LE(static_cast<double>(sizes[i]), 2.51 * static_cast<double>(sizes[i - 1]));
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
    for (auto const* pattern :
         {"empty", "self", "near pair", "far pair", "one-to-2", "3-to-one", "uniform", "permutation by 1",
          "permutation by 2", "drawn 3", "popular 0", "popular 3, back"})
        EXPECT_TRUE(patterns.contains(pattern)) << pattern;
    Topology const topology({}, nodes);
    std::set<Regime> regimes;
    for (auto const& probe : probes) regimes.insert(load_of({topology, probe.bytes}, {}).regime);
    EXPECT_EQ(regimes.size(), 4u);
    EXPECT_EQ(probes_for(nodes, edges_of({}), 16, 256, 1 << 18).back().bytes,
              probes.back().bytes);  // drawn alike every time
}

// A router's exchange: all prefer the same ranks, and what comes back went out.
TEST(Probes, PopularOnesAreOfOneRowAndComeBack) {
    std::map<std::string, Grid<std::uint64_t, 2>> popular;
    for (auto const& probe : probes_for({0, 0, 1, 1}, {}, 16, 4096, 1 << 18))
        if (probe.pattern.starts_with("popular")) popular.emplace(probe.name(), probe.bytes);
    ASSERT_FALSE(popular.empty());
    for (auto const& [name, bytes] : popular) {
        SCOPED_TRACE(name);
        bool const is_back = name.find("back") != std::string::npos;
        auto other = name;
        is_back ? other.replace(other.find(", back"), 6, "") : other.insert(other.rfind(' '), ", back");
        ASSERT_TRUE(popular.contains(other)) << other;
        for (std::size_t s = 0; s < 4; ++s) {
            for (std::size_t d = 0; d < 4; ++d) {
                EXPECT_EQ(bytes(s, d), is_back ? bytes(s, 0) : bytes(0, d));
                EXPECT_EQ(bytes(s, d), popular.at(other)(d, s));
            }
        }
    }
}

TEST(Probes, TwoRanksHaveNoFarPairOnOneNode) {
    for (auto const& probe : probes_for({0, 0}, edges_of({}), 16, 256, 1 << 18)) {
        EXPECT_NE(probe.pattern, "far pair");
        EXPECT_EQ(probe.bytes.extent(0), 2u);
    }
}

}  // namespace
}  // namespace moewire
