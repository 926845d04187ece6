// Stamps of a GPU's work, which goes on while the host is ahead. Skipped where no GPU is.
#include "measure/stamps.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "gpu/device.hpp"

namespace moewire {
namespace {

constexpr double delay_s = 0.02;

// A layer whose permutation is still at work when counts are known, and whose sum takes its time.
std::pair<double, double> exchanges_of_layer(Detail detail) {
    StampRecorder recorder(2, 1, detail, MemoryKind::device);
    auto const layer = make_id<LayerId>(0);
    for (std::size_t iteration = 0; iteration < 2; ++iteration) {  // the first loads kernels
        recorder.begin_iteration(iteration);
        for (auto const step :
             {Step::counts, Step::dispatch, Step::experts, Step::combine, Step::unpermute}) {
            StepScope const scope(&recorder, layer, step);
            if (step == Step::counts || step == Step::unpermute) device().spin(delay_s);
        }
        recorder.end_iteration();
    }
    auto const took_s = [&](Step step) {
        auto const at = [&](int edge) { return recorder.stamps()(1, layer, static_cast<int>(step), edge); };
        return at(1) - at(0);
    };
    return {took_s(Step::dispatch), took_s(Step::combine)};
}

TEST(DeviceStamps, WhatIsLeftOfAPermutationIsSeenOrSettled) {
    try {
        use_gpu(0);
    } catch (Error const& error) {
        GTEST_SKIP() << error.what();
    }
    auto const [dispatch_s, combine_s] = exchanges_of_layer(Detail::with_permutation);
    auto const [settled_dispatch_s, settled_combine_s] = exchanges_of_layer(Detail::settled);
    EXPECT_GE(dispatch_s, 0.9 * delay_s);
    EXPECT_GE(combine_s, 0.9 * delay_s);
    EXPECT_LT(settled_dispatch_s, 0.5 * delay_s);
    EXPECT_LT(settled_combine_s, 0.5 * delay_s);
    EXPECT_GT(settled_dispatch_s, 0);
    EXPECT_GT(settled_combine_s, 0);
}

}  // namespace
}  // namespace moewire
