// Longest processing time first with equal cardinality: experts by falling load, each to the least loaded
// rank that still has a free slot. Source: the packing step of deepseek-ai/EPLB (eplb.py); bound of LPT:
// Graham 1969.
#include <algorithm>
#include <numeric>

#include "assignment/packing.hpp"
#include "assignment/strategy.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

Planned plan(PlanRequest const& request) {
    auto const experts = request.demand.experts();
    auto const capacities = even_capacities(experts, request.ranks);
    Grid<std::int32_t, 2> ranks(request.demand.layers(), static_cast<std::size_t>(experts));
    for (LayerId const layer : ids<LayerId>(request.demand.layers())) {
        if (experts == request.ranks) {
            // One expert a rank: every placement is the same up to names, so move nothing.
            std::iota(ranks.row(layer).begin(), ranks.row(layer).end(), 0);
        } else {
            auto const packed = pack(load_of(request.demand, layer), capacities);
            std::copy(packed.begin(), packed.end(), ranks.row(layer).begin());
        }
    }
    return {Assignment::from_expert_ranks(ranks, request.ranks)};
}

bool const registered = register_in<Strategy>(
    "eplb_pack", "Heaviest expert first, to the least loaded rank with a free slot (LPT).",
    {.family = Family::placement, .plan = plan});

}  // namespace
}  // namespace moewire
