#include "bench/profile_routing.hpp"

#include <algorithm>
#include <numeric>

#include "base/progress.hpp"
#include "model/scoring.hpp"
#include "routing/batches.hpp"
#include "routing/co_activation.hpp"
#include "routing/margin.hpp"

namespace moewire {
namespace {

// This rank's margins, collected step by step.
using Margins = std::vector<std::vector<float>>;

void append(ForwardResult const& result, Margins& margins) {
    auto const step = router_margins(result.routing, result.router_logits);
    for (std::size_t layer = 0; layer < margins.size(); ++layer) {
        auto const row = step.row(layer);
        margins[layer].insert(margins[layer].end(), row.begin(), row.end());
    }
}

// Where this rank's share begins among all windows: deals the windows' numbers as share_of deals the windows.
std::int64_t first_window_of(std::int64_t windows, Communicator const& world) {
    Grid<std::int32_t, 2> numbers(windows, 1);
    std::iota(numbers.values().begin(), numbers.values().end(), 0);
    auto const mine = share_of(numbers, world.rank(), world.size());
    return mine.empty() ? 0 : mine(0, 0);
}

Score run_windows(Communicator const& world, Subject& subject, PlainParallel const& parallel,
                  ProfileText const& text, Margins& margins) {
    auto const mine = share_of(text.windows.tokens, world.rank(), world.size());
    Progress progress("profile " + text.name, static_cast<std::int64_t>(mine.extent(0)), "windows",
                      progress_style(world.is_root()));
    Wanted wanted;
    wanted.router = true;
    return score_windows(
        *subject.model, mine, ScoreRequest{wanted}, parallel.view(), [&](ForwardResult const& result) {
            append(result, margins);
            progress.advance(static_cast<std::int64_t>(result.routing.tokens() / mine.extent(1)));
        });
}

}  // namespace

RoutedText route_text(Context const& context, Subject& subject, PlainParallel const& parallel,
                      ProfileText const& text, std::int64_t batch_windows) {
    auto const& world = context.world;
    auto const windows = text.windows.windows();
    auto const window_tokens = static_cast<std::int64_t>(text.windows.tokens.extent(1));
    auto const in_batch = std::min(batch_windows, windows);
    Margins margins(static_cast<std::size_t>(subject.facts().layers));
    auto const score = run_windows(world, subject, parallel, text, margins);

    RoutedText routed;
    routed.tokens = windows * window_tokens;
    routed.batch_tokens = in_batch * window_tokens;
    routed.counts = count_picks(score.routing);
    routed.batch_counts = count_batches(score.routing, first_window_of(windows, world) * window_tokens,
                                        routed.batch_tokens, windows / in_batch);
    routed.pairs = count_pairs(score.routing);
    world.sum(routed.counts.row());
    world.sum(routed.batch_counts.row());
    world.sum(routed.pairs.row());
    for (auto const& of_layer : margins) {
        routed.margins.push_back(world.gather(std::span<float const>(of_layer)));
    }
    return routed;
}

}  // namespace moewire
