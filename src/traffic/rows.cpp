#include "traffic/rows.hpp"

#include <algorithm>

#include "assignment/replica_choice.hpp"
#include "base/contract.hpp"

namespace moewire {

Grid<std::int64_t, 2> rows_per_expert(Routing const& routing, Demand const&, RankId source,
                                      Assignment const& assignment) {
    MOEWIRE_EXPECT(routing.layers() == assignment.layers());
    Grid<std::int64_t, 2> rows(routing.layers(), assignment.ranks());
    for (LayerId const layer : ids<LayerId>(routing.layers())) {
        for (auto const slot : choose_slots(assignment, layer, source, routing.picks.row(layer))) {
            if (slot != no_slot) ++rows(layer, assignment.rank_of(layer, SlotId{slot}));
        }
    }
    return rows;
}

Grid<std::int64_t, 2> rows_per_rank(Routing const& routing, Demand const&, RankId source,
                                    Assignment const& assignment) {
    MOEWIRE_EXPECT(routing.layers() == assignment.layers());
    Grid<std::int64_t, 2> rows(routing.layers(), assignment.ranks());
    std::vector<std::size_t> last(static_cast<std::size_t>(assignment.ranks()));  // token + 1 seen last
    for (LayerId const layer : ids<LayerId>(routing.layers())) {
        std::fill(last.begin(), last.end(), 0);
        auto const slots = choose_slots(assignment, layer, source, routing.picks.row(layer));
        for (std::size_t row = 0; row < slots.size(); ++row) {
            if (slots[row] == no_slot) continue;
            auto const rank = assignment.rank_of(layer, SlotId{slots[row]});
            auto const token = row / routing.top_k() + 1;
            if (last[index_of(rank)] == token) continue;
            last[index_of(rank)] = token;
            ++rows(layer, rank);
        }
    }
    return rows;
}

Grid<std::int64_t, 2> rows_padded(Routing const&, Demand const& demand, RankId,
                                  Assignment const& assignment) {
    MOEWIRE_EXPECT(demand.layers() == assignment.layers());
    Grid<std::int64_t, 2> rows(demand.layers(), assignment.ranks());
    for (LayerId const layer : ids<LayerId>(demand.layers())) {
        std::int64_t block = 0;
        for (RankId const source : ids<RankId>(demand.ranks())) {
            for (ExpertId const expert : ids<ExpertId>(demand.experts())) {
                auto const split =
                    split_rows(assignment, layer, source, expert, demand.tokens()(layer, source, expert));
                block = std::max(block, *std::max_element(split.begin(), split.end()));
            }
        }
        for (RankId const rank : ids<RankId>(assignment.ranks()))
            rows(layer, rank) = block * static_cast<std::int64_t>(assignment.slots_on(layer, rank));
    }
    return rows;
}

}  // namespace moewire
