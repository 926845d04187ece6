// How sure was the router? The score between the last expert that it chose and the best that it did not.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/grid.hpp"
#include "routing/routing.hpp"

namespace moewire {

// Softmax probability of the lowest chosen expert minus that of the highest not chosen one, for every token:
// near 0, a breath would have changed the choice. 0 counts for the best not chosen where all are chosen;
// below 0 only where a policy overrules the scores. Shape of router_logits: [layer, token, expert], of the
// result: [layer, token]. Throws: contract, when the shapes disagree.
Grid<float, 2> router_margins(Routing const& routing, Grid<float, 3> const& router_logits);

// Margins of one layer, summarised.
struct MarginSummary {
    static constexpr std::size_t bins = 20;  // of equal width over 0 .. 1
    static constexpr float narrow = 0.01F;
    std::vector<std::int64_t> histogram = std::vector<std::int64_t>(bins);  // below 0: first, 1: last bin
    double median = 0;
    double share_narrow = 0;  // of the tokens with a margin below `narrow`
};

// Throws: contract, on an empty span.
MarginSummary summarise_margins(std::span<float const> margins);

}  // namespace moewire
