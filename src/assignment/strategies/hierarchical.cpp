// Nodes first, then the ranks of each node: keeps the traffic between nodes even before it evens out ranks.
// Groups of consecutive experts stay on one node, as node-limited routing wants them. Source: the
// hierarchical policy of deepseek-ai/EPLB without copies.
#include <numeric>

#include <fmt/format.h>

#include "assignment/nodes.hpp"
#include "assignment/packing.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

// The experts of each node. Shape: [node][expert].
std::vector<std::vector<std::size_t>> split_by_node(std::vector<double> const& load, std::size_t groups,
                                                    std::vector<std::int32_t> const& places) {
    auto const size = load.size() / groups;
    std::vector<double> group_load(groups);
    for (std::size_t e = 0; e < load.size(); ++e) group_load[e / size] += load[e];
    std::vector<std::int32_t> group_places;
    for (auto const place : places) group_places.push_back(place / static_cast<std::int32_t>(size));
    auto const node_of_group = pack(group_load, group_places);
    std::vector<std::vector<std::size_t>> experts(places.size());
    for (std::size_t e = 0; e < load.size(); ++e)
        experts[static_cast<std::size_t>(node_of_group[e / size])].push_back(e);
    return experts;
}

std::size_t groups_of(PlanRequest const& request, std::vector<std::int32_t> const& places) {
    auto const asked = request.settings.whole("groups");
    auto const experts = request.demand.experts();
    if (asked == 0) return static_cast<std::size_t>(experts);
    bool fits = experts % asked == 0;
    for (auto const place : places) fits = fits && place % (experts / asked) == 0;
    if (fits) return static_cast<std::size_t>(asked);
    throw usage_error(fmt::format(
        "hierarchical: {} groups of {} experts do not fill {} nodes (a group must stay on one node); use "
        "another number of groups, or 0 for single experts",
        asked, experts, places.size()));
}

Planned plan(PlanRequest const& request) {
    auto const nodes = ranks_by_node(request);
    auto const capacities = even_capacities(request.demand.experts(), request.ranks);
    std::vector<std::int32_t> places;
    for (auto const& ranks : nodes) {
        auto& sum = places.emplace_back(0);
        for (auto const rank : ranks) sum += capacities[static_cast<std::size_t>(rank)];
    }
    auto const groups = groups_of(request, places);
    Grid<std::int32_t, 2> rank_of(request.demand.layers(),
                                  static_cast<std::size_t>(request.demand.experts()));
    for (LayerId const layer : ids<LayerId>(request.demand.layers())) {
        auto const load = load_of(request.demand, layer);
        auto const experts = split_by_node(load, groups, places);
        for (std::size_t node = 0; node < nodes.size(); ++node) {
            std::vector<double> mine;
            std::vector<std::int32_t> slots;
            for (auto const e : experts[node]) mine.push_back(load[e]);
            for (auto const rank : nodes[node]) slots.push_back(capacities[static_cast<std::size_t>(rank)]);
            auto const packed = pack(mine, slots);
            for (std::size_t i = 0; i < mine.size(); ++i)
                rank_of(layer, experts[node][i]) = nodes[node][static_cast<std::size_t>(packed[i])];
        }
    }
    return {Assignment::from_expert_ranks(rank_of, request.ranks)};
}

bool const registered = register_in<Strategy>(
    "hierarchical", "Packs experts onto nodes, then onto the ranks of each node.",
    {.family = Family::placement,
     .settings = {nodes_setting(), whole_setting("groups", 0, 0, 1 << 16,
                                                 "Expert groups kept on one node; 0: single experts")},
     .plan = plan});

}  // namespace
}  // namespace moewire
