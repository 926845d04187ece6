// How well does the model predict a text, and how does it route it? Many windows, step by step.
#pragma once

#include <cstdint>
#include <functional>

#include "base/grid.hpp"
#include "model/language_model.hpp"

namespace moewire {

struct Score {
    double nll_sum = 0;                 // over all ranks; natural logarithm
    std::int64_t targets = 0;           // over all ranks
    Routing routing;                    // of this rank's windows, in their order
    std::vector<double> nll_of_window;  // of this rank's windows; empty when nothing is scored
    std::int64_t rerouted = 0;          // choices that a policy took from the router, over all ranks
    std::int64_t choices = 0;           // tokens x top_k x layers, over all ranks

    double perplexity() const;
};

// The windows that fall to `rank` when all are dealt in equal consecutive shares. Shape: [window, position].
Grid<std::int32_t, 2> share_of(Grid<std::int32_t, 2> const& windows, RankId rank, int ranks);

struct ScoreRequest {
    Wanted wanted;                  // of every step
    std::size_t batch_windows = 0;  // windows of a rank in one step; 0: as many as memory allows
};

// Collective: all ranks. Runs this rank's windows in steps; ranks with fewer windows take part in the
// exchanges with none. `on_result` sees each step's result before it is dropped; its tokens are the next ones
// of `mine`, and none where only other ranks had windows left.
Score score_windows(LanguageModel& model, Grid<std::int32_t, 2> const& mine, ScoreRequest const& request,
                    ExpertParallel const& parallel,
                    std::function<void(ForwardResult const& result)> const& on_result);

// The plain case. `first_target`: see Wanted; 0 routes without scoring. `on_step` is told after each step how
// many windows this rank ran.
Score score_windows(LanguageModel& model, Grid<std::int32_t, 2> const& mine, std::int32_t first_target,
                    ExpertParallel const& parallel, std::function<void(std::int64_t windows)> const& on_step);

// Windows begin .. begin + count - 1. Shape: [window, position].
Grid<std::int32_t, 2> some_windows(Grid<std::int32_t, 2> const& windows, std::size_t begin,
                                   std::size_t count);

// Windows in one step on one rank, so that logits stay below 256 MiB.
std::size_t windows_per_step(ModelFacts const& facts, std::size_t positions);

}  // namespace moewire
