// Longest processing time first with equal cardinality: experts by falling load, each to the least loaded
// rank that still has a free slot. Source: the packing step of deepseek-ai/EPLB (eplb.py); bound of LPT:
// Graham 1969.
#include <algorithm>
#include <numeric>

#include "assignment/strategy.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

void pack_layer(std::vector<std::int64_t> const& load, std::vector<std::int32_t> free_slots,
                std::span<std::int32_t> rank_of_expert) {
    std::vector<std::size_t> order(load.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return load[a] > load[b]; });
    std::vector<std::int64_t> rank_load(free_slots.size());
    for (std::size_t const expert : order) {
        std::size_t best = free_slots.size();
        for (std::size_t rank = 0; rank < free_slots.size(); ++rank) {
            bool const better = best == free_slots.size() || rank_load[rank] < rank_load[best];
            if (free_slots[rank] > 0 && better) best = rank;
        }
        rank_of_expert[expert] = static_cast<std::int32_t>(best);
        rank_load[best] += load[expert];
        --free_slots[best];
    }
}

Assignment plan(PlanRequest const& request) {
    auto const experts = request.demand.experts();
    auto const capacities = even_capacities(experts, request.ranks);
    Grid<std::int32_t, 2> ranks(request.demand.layers(), static_cast<std::size_t>(experts));
    for (LayerId const layer : ids<LayerId>(request.demand.layers())) {
        if (experts == request.ranks) {
            // One expert a rank: every placement is the same up to names, so move nothing.
            std::iota(ranks.row(layer).begin(), ranks.row(layer).end(), 0);
        } else {
            pack_layer(request.demand.expert_load(layer), capacities, ranks.row(layer));
        }
    }
    return Assignment::from_expert_ranks(ranks, request.ranks);
}

bool const registered = register_in<Strategy>(
    "eplb_pack", "Heaviest expert first, to the least loaded rank with a free slot (LPT).",
    {Family::placement, plan});

}  // namespace
}  // namespace moewire
