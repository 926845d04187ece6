#include "routing/margin.hpp"

#include <algorithm>
#include <cmath>

#include "base/contract.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

// Only two scores are needed of each token; the softmax's denominator is common to them.
double margin_of(std::span<float const> logits, std::span<std::int32_t const> chosen) {
    double const most = *std::max_element(logits.begin(), logits.end());
    double total = 0, last_chosen = 1, best_other = 0;
    for (std::size_t expert = 0; expert < logits.size(); ++expert) {
        double const score = std::exp(static_cast<double>(logits[expert]) - most);
        total += score;
        if (std::find(chosen.begin(), chosen.end(), static_cast<std::int32_t>(expert)) != chosen.end()) {
            last_chosen = std::min(last_chosen, score);
        } else {
            best_other = std::max(best_other, score);
        }
    }
    return (last_chosen - best_other) / total;
}

}  // namespace

Grid<float, 2> router_margins(Routing const& routing, Grid<float, 3> const& router_logits) {
    MOEWIRE_EXPECT(router_logits.extent(0) == routing.layers() &&
                   router_logits.extent(1) == routing.tokens() &&
                   router_logits.extent(2) == static_cast<std::size_t>(routing.experts));
    Grid<float, 2> margins(routing.layers(), routing.tokens());
    for (std::size_t layer = 0; layer < routing.layers(); ++layer) {
        for (std::size_t token = 0; token < routing.tokens(); ++token) {
            margins(layer, token) = static_cast<float>(
                margin_of(router_logits.row(layer, token), routing.picks.row(layer, token)));
        }
    }
    return margins;
}

MarginSummary summarise_margins(std::span<float const> margins) {
    MOEWIRE_EXPECT(!margins.empty());
    MarginSummary summary;
    std::int64_t narrow = 0;
    for (float const margin : margins) {
        auto const bin = static_cast<std::int64_t>(margin * static_cast<float>(MarginSummary::bins));
        auto const last = static_cast<std::int64_t>(MarginSummary::bins) - 1;
        ++summary.histogram[static_cast<std::size_t>(std::clamp<std::int64_t>(bin, 0, last))];
        if (margin < MarginSummary::narrow) ++narrow;
    }
    summary.median = median(std::vector<double>(margins.begin(), margins.end()));
    summary.share_narrow = static_cast<double>(narrow) / static_cast<double>(margins.size());
    return summary;
}

}  // namespace moewire
