#include "measure/stamps.hpp"

#include <gtest/gtest.h>

#include "system/clock.hpp"

namespace moewire {
namespace {

// When a layer's steps were entered and left around the exchanges, by readings in between.
struct Moments {
    double planned_s, permuted_s, sent_s, answered_s, back_s, summed_s;
};

Moments run_layer(StampRecorder& recorder, LayerId layer) {
    auto const step = [&](Step which) {
        recorder.enter(layer, which);
        recorder.leave(layer, which);
        return monotonic_s();
    };
    Moments moments{};
    step(Step::router);
    moments.planned_s = step(Step::counts);
    moments.permuted_s = step(Step::permute);
    moments.sent_s = step(Step::dispatch);
    moments.answered_s = step(Step::experts);
    moments.back_s = step(Step::combine);
    moments.summed_s = step(Step::unpermute);
    return moments;
}

TEST(Stamps, ExchangesBeginAndEndWhereTheKindOfWatchingSays) {
    for (auto const detail :
         {Detail::exchanges, Detail::all_steps, Detail::with_permutation, Detail::settled, Detail::events}) {
        SCOPED_TRACE(static_cast<int>(detail));
        StampRecorder recorder(1, 2, detail);
        recorder.begin_iteration(0);
        for (auto const layer : ids<LayerId>(2)) {
            auto const moments = run_layer(recorder, layer);
            auto const at = [&](Step step, int edge) {
                return recorder.stamps()(0, layer, static_cast<int>(step), edge);
            };
            bool const is_permuted = detail == Detail::with_permutation;
            EXPECT_EQ(at(Step::dispatch, 0) <= moments.planned_s, is_permuted);
            EXPECT_EQ(at(Step::dispatch, 0) >= moments.permuted_s, !is_permuted);
            EXPECT_LE(at(Step::dispatch, 1), moments.sent_s);
            EXPECT_GE(at(Step::combine, 0), moments.answered_s);
            EXPECT_EQ(at(Step::combine, 1) >= moments.back_s, is_permuted);
            EXPECT_EQ(at(Step::router, 1) > 0, detail == Detail::all_steps);
        }
        recorder.end_iteration();
    }
}

}  // namespace
}  // namespace moewire
