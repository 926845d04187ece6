#include "model/scoring.hpp"

#include <algorithm>
#include <cmath>

namespace moewire {
namespace {

constexpr std::size_t logits_limit_bytes = std::size_t{256} << 20;

// Puts the picks of some tokens behind those of the `begin` tokens before them.
void place(Routing const& part, std::size_t begin, Routing& all) {
    for (std::size_t layer = 0; layer < part.layers(); ++layer) {
        auto const from = part.picks.row(layer);
        std::copy(from.begin(), from.end(),
                  all.picks.row(layer).begin() + static_cast<std::ptrdiff_t>(begin * part.top_k()));
    }
}

}  // namespace

Grid<std::int32_t, 2> some_windows(Grid<std::int32_t, 2> const& windows, std::size_t begin,
                                   std::size_t count) {
    auto const positions = windows.extent(1);
    auto const first = windows.values().begin() + static_cast<std::ptrdiff_t>(begin * positions);
    return {{count, positions}, {first, first + static_cast<std::ptrdiff_t>(count * positions)}};
}

double Score::perplexity() const {
    return std::exp(nll_sum / static_cast<double>(targets));
}

Grid<std::int32_t, 2> share_of(Grid<std::int32_t, 2> const& windows, RankId rank, int ranks) {
    auto const total = windows.extent(0), r = index_of(rank), n = static_cast<std::size_t>(ranks);
    auto const begin = total * r / n, end = total * (r + 1) / n;
    return some_windows(windows, begin, end - begin);
}

std::size_t windows_per_step(ModelFacts const& facts, std::size_t positions) {
    auto const window_bytes = positions * static_cast<std::size_t>(facts.vocabulary) * sizeof(float);
    return std::clamp<std::size_t>(logits_limit_bytes / std::max<std::size_t>(window_bytes, 1), 1, 8);
}

Score score_windows(LanguageModel& model, Grid<std::int32_t, 2> const& mine, std::int32_t first_target,
                    ExpertParallel const& parallel, std::function<void(std::int64_t)> const& on_step) {
    auto const positions = std::max<std::size_t>(mine.extent(1), 1);
    ScoreRequest request;
    request.wanted.first_target = first_target;
    return score_windows(model, mine, request, parallel, [&](ForwardResult const& result) {
        on_step(static_cast<std::int64_t>(result.routing.tokens() / positions));
    });
}

Score score_windows(LanguageModel& model, Grid<std::int32_t, 2> const& mine, ScoreRequest const& request,
                    ExpertParallel const& parallel,
                    std::function<void(ForwardResult const&)> const& on_result) {
    auto const& facts = model.facts();
    auto const total = mine.extent(0), positions = mine.extent(1);
    auto const batch = request.batch_windows > 0 ? request.batch_windows : windows_per_step(facts, positions);
    auto const steps = parallel.communicator.max(static_cast<std::int64_t>((total + batch - 1) / batch));
    Score score;
    score.routing = {facts.experts, Grid<std::int32_t, 3>(facts.layers, total * positions, facts.top_k)};
    for (std::int64_t step = 0; step < steps; ++step) {
        auto const begin = std::min(total, static_cast<std::size_t>(step) * batch);
        auto const count = std::min(batch, total - begin);
        auto const result = model.forward(some_windows(mine, begin, count), parallel, request.wanted);
        score.nll_sum += result.nll_sum;
        score.targets += result.targets;
        score.nll_of_window.insert(score.nll_of_window.end(), result.nll_of_sequence.begin(),
                                   result.nll_of_sequence.end());
        score.rerouted += sum(result.rerouted);
        place(result.routing, begin * positions, score.routing);
        on_result(result);
    }
    score.nll_sum = parallel.communicator.sum(score.nll_sum);
    score.targets = parallel.communicator.sum(score.targets);
    score.rerouted = parallel.communicator.sum(score.rerouted);
    score.choices = parallel.communicator.sum(static_cast<std::int64_t>(score.routing.picks.size()));
    return score;
}

}  // namespace moewire
