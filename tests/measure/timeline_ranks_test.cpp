#include <gtest/gtest.h>

#include "measure/timeline.hpp"
#include "support/world.hpp"

namespace moewire {
namespace {

TEST(Timeline, TheFastestTheMedianAndTheSlowestPassAreKept) {
    EXPECT_EQ(passes_to_keep({}), std::vector<std::int32_t>{});
    EXPECT_EQ(passes_to_keep({1}), std::vector<std::int32_t>{0});
    EXPECT_EQ(passes_to_keep({2, 1}), (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(passes_to_keep({5, 1, 4, 2, 3}), (std::vector<std::int32_t>{0, 1, 4}));
}

TEST(Timeline, StepsAreInOrderOnOneClockFromTheFirstRanksStart) {
    constexpr std::size_t layers = 2;
    StampRecorder recorder(4, layers, Detail::all_steps);
    PassTimes passes(4);
    for (std::size_t i = 0; i < 4; ++i) {
        recorder.begin_iteration(i);
        world().barrier();
        passes.start_s[i] = monotonic_s();
        for (LayerId const layer : ids<LayerId>(layers)) {
            for (auto const step : {Step::router, Step::experts})
                StepScope const scope(&recorder, layer, step);
        }
        // The pass times are made up, the same order on all ranks: 1 is the fastest, 3 the slowest.
        passes.took_s[i] = 1 + (i == 1 ? 0 : static_cast<double>(i));
    }
    // As if the clocks of ranks were far apart.
    std::vector<ClockOffset> offsets(static_cast<std::size_t>(world().size()));
    for (std::size_t rank = 0; rank < offsets.size(); ++rank)
        offsets[rank].offset_s = 1000.0 * static_cast<double>(rank);
    double const mine_s = offsets[index_of(world().rank())].offset_s;
    for (double& start_s : passes.start_s) start_s += mine_s;
    auto const t = collect_timeline(world(), recorder, passes, offsets);
    EXPECT_EQ(t.passes(), world().is_root() ? 3u : 0u);
    if (!world().is_root()) return;
    EXPECT_EQ(t.iteration, (std::vector<std::int32_t>{0, 1, 3}));
    ASSERT_EQ(t.start_s.shape(), (std::array<std::size_t, 4>{3, layers, step_count, offsets.size()}));
    for (std::size_t pass = 0; pass < 3; ++pass) {
        auto const starts_s = t.pass_start_s.row(pass);
        EXPECT_EQ(*std::min_element(starts_s.begin(), starts_s.end()), 0);
        auto const edges_of = [&](std::size_t layer, Step step) {
            return std::pair(t.start_s(pass, layer, static_cast<int>(step), 0),
                             t.end_s(pass, layer, static_cast<int>(step), 0));
        };
        double last_s = t.pass_start_s(pass, 0);
        for (std::size_t layer = 0; layer < layers; ++layer) {
            for (auto const step : {Step::router, Step::experts}) {
                auto const [start_s, end_s] = edges_of(layer, step);
                EXPECT_GE(start_s, last_s);
                EXPECT_GE(end_s, start_s);
                last_s = end_s;
            }
            EXPECT_EQ(edges_of(layer, Step::dispatch), std::pair(0.0, 0.0));  // never ran
        }
        EXPECT_NEAR(t.pass_end_s(pass, 0) - t.pass_start_s(pass, 0),
                    passes.took_s[static_cast<std::size_t>(t.iteration[pass])], 1e-6);
    }
}

}  // namespace
}  // namespace moewire
