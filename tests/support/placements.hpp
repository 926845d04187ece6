// What a plan does to ranks, worked out the long way.
#pragma once

#include <algorithm>
#include <vector>

#include "assignment/replica_choice.hpp"
#include "routing/routing.hpp"

namespace moewire {

// Tokens that each rank receives in one layer, row by row as copies are chosen.
inline std::vector<std::int64_t> rank_loads(Assignment const& plan, Demand const& demand, LayerId layer) {
    std::vector<std::int64_t> load(static_cast<std::size_t>(plan.ranks()));
    for (RankId const source : ids<RankId>(demand.ranks())) {
        for (ExpertId const expert : ids<ExpertId>(plan.experts())) {
            std::vector<std::int32_t> const picks(
                static_cast<std::size_t>(demand.tokens()(layer, source, expert)),
                static_cast<std::int32_t>(expert));
            for (auto const slot : choose_slots(plan, layer, source, picks))
                ++load[index_of(plan.rank_of(layer, SlotId{slot}))];
        }
    }
    return load;
}

inline std::int64_t worst_load(Assignment const& plan, Demand const& demand, LayerId layer = LayerId{0}) {
    auto const load = rank_loads(plan, demand, layer);
    return *std::max_element(load.begin(), load.end());
}

}  // namespace moewire
