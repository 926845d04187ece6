// How well does the model predict a text, and how does it route it? Many windows, step by step.
#pragma once

#include <cstdint>
#include <functional>

#include "base/grid.hpp"
#include "model/language_model.hpp"

namespace moewire {

struct Score {
    double nll_sum = 0;        // over all ranks; natural logarithm
    std::int64_t targets = 0;  // over all ranks
    Routing routing;           // of this rank's windows, in their order

    double perplexity() const;
};

// The windows that fall to `rank` when all are dealt in equal consecutive shares. Shape: [window, position].
Grid<std::int32_t, 2> share_of(Grid<std::int32_t, 2> const& windows, RankId rank, int ranks);

// Collective: all ranks. Runs this rank's windows in steps; ranks with fewer windows take part in the
// exchanges with none. `first_target`: see Wanted; 0 routes without scoring. `on_step` is told after each
// step how many windows this rank ran.
Score score_windows(LanguageModel& model, Grid<std::int32_t, 2> const& mine, std::int32_t first_target,
                    ExpertParallel const& parallel, std::function<void(std::int64_t windows)> const& on_step);

// The same steps for other wants: `on_result` sees each step's result before it is dropped; its tokens are
// the next ones of `mine`, and none where only other ranks had windows left.
Score score_windows(LanguageModel& model, Grid<std::int32_t, 2> const& mine, Wanted const& wanted,
                    ExpertParallel const& parallel,
                    std::function<void(ForwardResult const& result)> const& on_result);

// Windows in one step on one rank, so that logits stay below 256 MiB.
std::size_t windows_per_step(ModelFacts const& facts, std::size_t positions);

}  // namespace moewire
