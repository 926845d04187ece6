#include "assignment/replication.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "assignment/nodes.hpp"
#include "assignment/replica_choice.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"

namespace moewire {

std::vector<Setting> replication_settings() {
    return {whole_setting("extra", 1, 0, 4096, "Slots of a rank beyond its even share of experts"),
            name_setting("choice", "round_robin", "Which copy a row goes to: a name in replica_choices"),
            nodes_setting(),
            whole_setting("groups", 1, 1, 1 << 16, "Expert groups, each kept on one node where they divide")};
}

EplbShape replication_shape(PlanRequest const& request) {
    auto const& s = request.settings;
    auto const ids = node_ids(request);
    int const nodes = *std::max_element(ids.begin(), ids.end()) + 1;
    EplbShape shape;
    shape.ranks = request.ranks;
    shape.groups = static_cast<int>(s.whole("groups"));
    if (request.demand.experts() % shape.groups != 0) {
        throw usage_error(
            fmt::format("{} groups do not divide {} experts (groups must be alike); use another "
                        "number of groups",
                        shape.groups, request.demand.experts()));
    }
    // Nodes that are not equal blocks of ranks are planned as one.
    bool blocks = request.ranks % nodes == 0;
    for (std::size_t r = 0; blocks && r < ids.size(); ++r)
        blocks = ids[r] == static_cast<std::int32_t>(r) / (request.ranks / nodes);
    shape.nodes = blocks ? nodes : 1;
    auto const even = (request.demand.experts() + request.ranks - 1) / request.ranks;
    shape.slots_per_rank = even + static_cast<std::int32_t>(s.whole("extra"));
    return shape;
}

ReplicaRule replication_rule(PlanRequest const& request) {
    auto const& choice = Registry<ReplicaChoice>::instance().at(request.settings.word("choice"));
    return {choice.name, request.seed, node_ids(request)};
}

std::vector<PlacedSlot> replicated_slots(std::vector<double> const& load, PlanRequest const& request) {
    auto slots = plan_eplb(load, replication_shape(request));
    if (request.settings.word("choice") == "weighted") level_shares(load, slots, request.ranks);
    return slots;
}

Assignment replicated_plan(Demand const& demand, PlanRequest const& request) {
    std::vector<std::vector<PlacedSlot>> slots;
    for (LayerId const layer : ids<LayerId>(demand.layers()))
        slots.push_back(replicated_slots(load_of(demand, layer), request));
    return Assignment::from_slots(slots, demand.experts(), request.ranks, replication_rule(request));
}

double mean_max_over_mean(Assignment const& plan, std::vector<std::vector<double>> const& load) {
    double sum = 0;
    for (LayerId const layer : ids<LayerId>(plan.layers())) {
        std::vector<double> rank_load(static_cast<std::size_t>(plan.ranks()));
        auto const& of_expert = load[index_of(layer)];
        for (ExpertId const expert : ids<ExpertId>(plan.experts())) {
            auto const copies = plan.copies_of(layer, expert);
            for (auto const slot : copies) {
                double const share = plan.share_of_slot().empty() ? 1 / static_cast<double>(copies.size())
                                                                  : plan.share_of_slot()(layer, slot);
                rank_load[index_of(plan.rank_of(layer, SlotId{slot}))] += share * of_expert[index_of(expert)];
            }
        }
        double const total = std::accumulate(rank_load.begin(), rank_load.end(), 0.0);
        double const most = *std::max_element(rank_load.begin(), rank_load.end());
        sum += total > 0 ? most * static_cast<double>(rank_load.size()) / total : 1;
    }
    return sum / static_cast<double>(plan.layers());
}

}  // namespace moewire
