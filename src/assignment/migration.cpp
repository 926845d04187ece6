#include "assignment/migration.hpp"

#include <tuple>

namespace moewire {

std::vector<Move> moves_between(Assignment const& from, LayerId from_layer, Assignment const& to, LayerId at,
                                std::vector<std::int32_t> const& node_of_rank) {
    auto const node_of = [&](RankId rank) { return node_of_rank.empty() ? 0 : node_of_rank[index_of(rank)]; };
    std::vector<std::int64_t> sent(static_cast<std::size_t>(to.ranks()));
    std::vector<Move> moves;
    for (RankId const rank : ids<RankId>(to.ranks())) {
        ExpertId last{-1};
        for (ExpertId const expert : to.experts_on(at, rank)) {
            // A second copy on the rank needs no second transfer.
            if (expert == last || from.holds(from_layer, rank, expert)) continue;
            last = expert;
            RankId best{};
            bool found = false;
            auto const cost = [&](RankId r) {
                return std::tuple(node_of(r) != node_of(rank), sent[index_of(r)]);
            };
            for (auto const slot : from.copies_of(from_layer, expert)) {
                auto const holder = from.rank_of(from_layer, SlotId{slot});
                if (!found || cost(holder) < cost(best)) best = holder, found = true;
            }
            ++sent[index_of(best)];
            moves.push_back({expert, best, rank});
        }
    }
    return moves;
}

Moves moves_of(Assignment const& before, Assignment const& plan, Copies copies,
               std::vector<std::int32_t> const& node_of_rank) {
    Moves moves;
    auto const layers = before.layers();
    for (std::size_t at = 0; at < plan.layers(); ++at) {
        bool const fresh = at < layers || copies == Copies::dropped;
        auto const& from = fresh ? before : plan;
        auto const from_layer = make_id<LayerId>(fresh ? at % layers : at - layers);
        moves.push_back(moves_between(from, from_layer, plan, make_id<LayerId>(at), node_of_rank));
    }
    return moves;
}

std::int64_t moved_experts(Assignment const& from, Assignment const& to) {
    std::int64_t moved = 0;
    for (LayerId const layer : ids<LayerId>(from.layers()))
        moved += static_cast<std::int64_t>(moves_between(from, layer, to, layer, {}).size());
    return moved;
}

}  // namespace moewire
