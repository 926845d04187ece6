#include "routing/routing.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {

void validate(Routing const& routing) {
    for (auto const pick : routing.picks.values()) {
        if (pick == no_pick || (pick >= 0 && pick < routing.experts)) continue;
        throw input_error("routing",
                          fmt::format("a token chose expert {} (only 0 to {} exist); the routing is damaged",
                                      pick, routing.experts - 1));
    }
}

Grid<std::int64_t, 2> count_picks(Routing const& routing) {
    Grid<std::int64_t, 2> counts(routing.layers(), static_cast<std::size_t>(routing.experts));
    for (std::size_t layer = 0; layer < routing.layers(); ++layer) {
        auto const of_layer = counts.row(layer);
        for (auto const pick : routing.picks.row(layer)) {
            if (pick != no_pick) ++of_layer[static_cast<std::size_t>(pick)];
        }
    }
    return counts;
}

std::vector<std::int64_t> Demand::expert_load(LayerId layer) const {
    std::vector<std::int64_t> load(static_cast<std::size_t>(experts()));
    for (int source = 0; source < ranks(); ++source) {
        auto const row = tokens_.row(layer, source);
        for (std::size_t expert = 0; expert < row.size(); ++expert) load[expert] += row[expert];
    }
    return load;
}

}  // namespace moewire
