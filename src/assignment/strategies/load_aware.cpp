// Plans that follow the load: every `interval` batches, EPLB on the mean of the last `window` batches, taken
// only if it promises more than `threshold`. Ranks are renamed so that as few weights as possible move.
// Source: the window, interval and threshold of vLLM's and SGLang's online balancing.
#include <algorithm>

#include "assignment/replication.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

// Mean load of the batches first .. end - 1. Shape: [layer][expert].
std::vector<std::vector<double>> mean_load(Demand const& stream, std::size_t layers, std::size_t first,
                                           std::size_t end) {
    std::vector<std::vector<double>> mean(layers);
    for (std::size_t layer = 0; layer < layers; ++layer) {
        mean[layer].resize(static_cast<std::size_t>(stream.experts()));
        for (auto batch = first; batch < end; ++batch) {
            auto const load = load_of(stream, make_id<LayerId>(batch * layers + layer));
            for (std::size_t e = 0; e < load.size(); ++e)
                mean[layer][e] += load[e] / static_cast<double>(end - first);
        }
    }
    return mean;
}

int experts_in_common(Assignment const& a, LayerId layer, std::vector<PlacedSlot> const& slots,
                      std::int32_t old_rank, std::int32_t new_rank) {
    return static_cast<int>(std::count_if(slots.begin(), slots.end(), [&](PlacedSlot const& s) {
        return s.rank == new_rank && a.holds(layer, RankId{old_rank}, ExpertId{s.expert});
    }));
}

// Gives each set of slots to the rank that holds most of it, largest overlap first, within the node.
void rename_ranks(Assignment const& current, LayerId layer, int nodes, std::vector<PlacedSlot>& slots) {
    struct Match {
        int common;
        std::int32_t old_rank, new_rank;
    };
    std::vector<Match> matches;
    int const ranks = current.ranks(), per_node = ranks / nodes;
    for (std::int32_t o = 0; o < ranks; ++o) {
        for (std::int32_t n = 0; n < ranks; ++n) {
            if (o / per_node == n / per_node)
                matches.push_back({experts_in_common(current, layer, slots, o, n), o, n});
        }
    }
    std::stable_sort(matches.begin(), matches.end(),
                     [](Match const& a, Match const& b) { return a.common > b.common; });
    std::vector<std::int32_t> name(static_cast<std::size_t>(ranks), -1);
    std::vector<bool> taken(static_cast<std::size_t>(ranks));
    for (auto const& m : matches) {
        auto& of_new = name[static_cast<std::size_t>(m.new_rank)];
        if (of_new >= 0 || taken[static_cast<std::size_t>(m.old_rank)]) continue;
        of_new = m.old_rank;
        taken[static_cast<std::size_t>(m.old_rank)] = true;
    }
    for (auto& slot : slots) slot.rank = name[static_cast<std::size_t>(slot.rank)];
}

Assignment replan(Assignment const& current, std::vector<std::vector<double>> const& load,
                  PlanRequest const& request) {
    auto const nodes = replication_shape(request).nodes;
    std::vector<std::vector<PlacedSlot>> slots;
    for (LayerId const layer : ids<LayerId>(load.size())) {
        slots.push_back(replicated_slots(load[index_of(layer)], request));
        rename_ranks(current, layer, nodes, slots.back());
    }
    return Assignment::from_slots(slots, current.experts(), current.ranks(), replication_rule(request));
}

Schedule follow(StreamRequest const& request) {
    auto const& r = request.plan;
    auto const layers = r.demand.layers();
    auto const window = static_cast<std::size_t>(r.settings.whole("window"));
    auto const interval = static_cast<std::size_t>(r.settings.whole("interval"));
    auto current = replicated_plan(r.demand, r);
    std::vector<Assignment> plans;
    double replans = 0;
    for (std::size_t batch = 0; batch < request.batches; ++batch) {
        if (batch > 0 && batch % interval == 0) {
            auto const load = mean_load(request.stream, layers, batch - std::min(batch, window), batch);
            auto next = replan(current, load, r);
            double const gain = 1 - mean_max_over_mean(next, load) / mean_max_over_mean(current, load);
            if (gain > r.settings.number("threshold")) current = std::move(next), ++replans;
        }
        plans.push_back(current);
    }
    Schedule schedule;
    schedule.before = plans.front();
    schedule.plan = concatenate(plans);
    schedule.moves = moves_of(schedule.before, schedule.plan, Copies::kept, replication_rule(r).node_of_rank);
    schedule.notes = {{"replans", replans}};
    return schedule;
}

std::vector<Setting> settings() {
    auto all = replication_settings();
    all.push_back(whole_setting("window", 4, 1, 1 << 20, "Past batches that a plan looks at"));
    all.push_back(whole_setting("interval", 2, 1, 1 << 20, "Batches between plans"));
    all.push_back(number_setting("threshold", 0.05, 0, 1, "Least promised cut of the busiest rank's load"));
    return all;
}

bool const registered = register_in<Strategy>(
    "load_aware", "EPLB again every few batches on the load of the last ones; weights move when it pays.",
    {.family = Family::replication,
     .settings = settings(),
     .follow = follow,
     .knowledge = Knowledge::past_batches});

}  // namespace
}  // namespace moewire
