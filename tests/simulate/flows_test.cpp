// Max-min rates by their definition, times by hand, windows against single events.
#include "simulate/flows.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace moewire {
namespace {

using Path = std::vector<std::size_t>;

// Flows over up to four of a dozen resources, of some kinds.
FlowSet random_flows(std::uint64_t seed, std::size_t count) {
    Random random(seed, "flows");
    FlowSet flows;
    for (int resource = 0; resource < 12; ++resource)
        flows.rates_bytes_per_s.push_back(10 + 100 * random.uniform());
    flows.kinds = {{1}, {2, 9}, {4, 30, 0.1}, {1, 3}};
    for (std::size_t i = 0; i < count; ++i) {
        Path path;
        for (auto const resource : random.permutation(12))
            if (path.size() < 1 + i % 4) path.push_back(static_cast<std::size_t>(resource));
        flows.add(1 + 1000 * random.uniform() * random.uniform(), static_cast<std::uint32_t>(random.below(4)),
                  path);
    }
    return flows;
}

TEST(MaxMin, GivesNobodyMoreThanThoseWhoCouldHaveIt) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        auto const flows = random_flows(seed, 5 + seed * 3);
        MaxMin rates(flows);
        std::vector<std::uint32_t> all(flows.size());
        for (std::uint32_t f = 0; f < all.size(); ++f) rates.start(all[f] = f);
        rates.solve(all, std::numeric_limits<double>::infinity());
        std::vector<double> used(flows.rates_bytes_per_s.size()), highest(used.size());
        for (auto const f : all) {
            double const rate = rates.states()[f].rate_bytes_per_s;
            for (auto const r : flows.path_of(f)) {
                used[r] += rate;
                highest[r] = std::max(highest[r], rate / flows.kinds[flows.kind[f]].weight);
            }
        }
        for (std::size_t r = 0; r < used.size(); ++r)
            EXPECT_LE(used[r], flows.rates_bytes_per_s[r] * (1 + 1e-9));
        for (auto const f : all) {
            auto const& kind = flows.kinds[flows.kind[f]];
            double const rate = rates.states()[f].rate_bytes_per_s;
            bool is_bound = rate >= kind.most_bytes_per_s * (1 - 1e-9);
            for (auto const r : flows.path_of(f))
                is_bound |= used[r] >= flows.rates_bytes_per_s[r] * (1 - 1e-9) &&
                            rate / kind.weight >= highest[r] * (1 - 1e-9);
            EXPECT_TRUE(is_bound) << "flow " << f << " of seed " << seed << " could have more";
        }
    }
}

TEST(Flows, TakeWhatIsWorkedOutByHand) {
    FlowSet flows;
    flows.rates_bytes_per_s = {10, 4};
    flows.kinds = {{1}, {1, std::numeric_limits<double>::infinity(), 2}};
    flows.add(60, 0, Path{0});
    flows.add(20, 0, Path{0, 1});
    flows.add(8, 1, Path{1});
    // Alone on resource 1 the second has 4 and the first 6; from 2 s on both of resource 1 have 2, and the
    // first 8: it ends at 2 + 48/8 = 8 s, the third at 6 s, the second has 20 - 8 - 8 = 4 left, 1 s at 4: 7
    // s.
    EXPECT_DOUBLE_EQ(run_flows(flows, {}, {0}).time_s, 8);
}

TEST(Flows, ShareByWeight) {
    FlowSet flows;
    flows.rates_bytes_per_s = {10};
    flows.kinds = {{1}, {3}};
    flows.add(25, 0, Path{0});
    flows.add(75, 1, Path{0});
    auto const result = run_flows(flows, {}, {0});
    EXPECT_DOUBLE_EQ(result.time_s, 10);
    EXPECT_EQ(result.windows, 1);  // 2.5 and 7.5: both end at once
}

TEST(Flows, EndTogetherWhereTheyAreAlike) {
    FlowSet flows;
    std::size_t const ranks = 30;
    flows.rates_bytes_per_s.assign(2 * ranks, 100);
    flows.kinds = {{}};
    for (std::size_t s = 0; s < ranks; ++s)
        for (std::size_t d = 0; d < ranks; ++d)
            if (s != d) flows.add(50, 0, Path{s, ranks + d});
    auto const result = run_flows(flows);
    EXPECT_NEAR(result.time_s, 29 * 50 / 100.0, 1e-9);
    EXPECT_EQ(result.windows, 1);
}

TEST(Flows, InWindowsTakeAlmostWhatTheyTakeOneByOne) {
    double worst = 0, sum = 0;
    int count = 0;
    for (std::uint64_t seed = 100; seed < 160; ++seed) {
        auto const flows = random_flows(seed, 300);
        auto const exact = run_flows(flows, {}, {0}), windows = run_flows(flows);
        std::vector<double> load(flows.rates_bytes_per_s.size());
        for (std::size_t f = 0; f < flows.size(); ++f)
            for (auto const r : flows.path_of(f)) load[r] += flows.bytes[f] / flows.rates_bytes_per_s[r];
        double const bound_s = *std::max_element(load.begin(), load.end());
        EXPECT_GE(exact.time_s, bound_s * (1 - 1e-9));
        EXPECT_GE(windows.time_s, bound_s * (1 - 1e-9));
        EXPECT_LT(windows.windows, exact.windows / 3);
        worst = std::max(worst, std::abs(windows.time_s / exact.time_s - 1));
        sum += std::abs(windows.time_s / exact.time_s - 1);
        ++count;
    }
    EXPECT_LT(worst, 0.01);
    EXPECT_LT(sum / count, 0.002);
}

TEST(Flows, WaitForTheTurnBeforeTheirs) {
    FlowSet flows;
    flows.rates_bytes_per_s = {10};
    flows.kinds = {{}};
    for (int i = 0; i < 4; ++i) flows.add(10.0 * (i + 1), 0, Path{0});
    FlowTurns turns;
    turns.before = {no_turn, 0, 1, 2};
    // Turn 2 has no flows; the last flow waits for it, hence for turn 1.
    turns.of_flow = {{0, no_turn}, {0, no_turn}, {1, no_turn}, {3, no_turn}};
    EXPECT_DOUBLE_EQ(run_flows(flows, turns, {0}).time_s, 10);  // one resource, always busy
    flows.kinds[0].most_bytes_per_s = 5;
    // 10 and 20 side by side: 5 each until 2 s, 10 left at 5 until 4 s; then 30 at 5: 10 s; then 40 at 5: 18
    // s.
    EXPECT_DOUBLE_EQ(run_flows(flows, turns, {0}).time_s, 18);
    EXPECT_DOUBLE_EQ(run_flows(flows, turns).time_s, 18);
}

TEST(Flows, ThatNothingLimitsTakeTheirLatency) {
    FlowSet flows;
    flows.kinds = {{1, std::numeric_limits<double>::infinity(), 3e-6}};
    flows.add(1000, 0, Path{});
    EXPECT_DOUBLE_EQ(run_flows(flows).time_s, 3e-6);
}

}  // namespace
}  // namespace moewire
