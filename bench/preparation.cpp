#include "bench/preparation.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "bench/policy_routing.hpp"
#include "measure/gather.hpp"
#include "model/scoring.hpp"
#include "system/agreement.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

struct Combination {
    std::string strategy, label, payload;
};

// Strategies x payloads; the twin follows its original.
std::vector<Combination> combinations(MeasureRequest const& request) {
    std::vector<Combination> all;
    for (auto const& payload : split_list(request.payload, "--payload")) {
        Registry<Dispatcher>::instance().at(payload);
        for (auto const& strategy : strategies_of(request)) all.push_back({strategy, strategy, payload});
        if (request.twin) all.push_back({"contiguous", "contiguous_twin", payload});
    }
    return all;
}

PreparedCase prepare_case(PreparationSetting const& s, PreparedText const& text, PolicyRouting const& routed,
                          Combination const& what) {
    auto const& world = s.context.world;
    auto const& facts = s.subject.facts();
    PreparedCase one;
    one.strategy = what.strategy;
    one.label = what.label;
    one.payload = what.payload;
    auto const& strategy = strategy_of(parse_spec(what.strategy));
    one.family = strategy.family;
    one.knowledge = strategy.knowledge;
    one.standing = strategy.standing;
    one.routed = &routed;
    PlanRequest const plan{routed.plan_demand,   world.size(),       s.request.seed,
                           s.nodes.node_of_rank, &routed.plan_pairs, {}};
    one.schedule =
        schedule_on_root(world, what.strategy, {plan, routed.test_demand, text.batches}, &one.plan_s);
    one.traffic = gather_traffic(world, what.payload, routed.routing, routed.test_demand, one.schedule.plan,
                                 facts.row_bytes);
    one.moved_bytes = moved_experts(make_plan("contiguous", plan), one.schedule.before) * facts.expert_bytes;
    for (auto const& moves : one.schedule.moves)
        one.migrated_bytes += static_cast<std::int64_t>(moves.size()) * facts.expert_bytes;
    one.replay = std::make_unique<Replay>(
        world, s.exchange,
        ReplayCase{what.payload, routed.routing, one.schedule.plan, facts.row_bytes,
                   one.migrated_bytes > 0 ? one.schedule.moves : Moves{}, facts.expert_bytes, s.buffers});
    check_counts(world, *one.replay, one.traffic);
    return one;
}

}  // namespace

std::vector<std::string> strategies_of(MeasureRequest const& request) {
    std::vector<std::string> all;
    for (auto const& text : split_list(request.strategies, "--strategies")) {
        if (text == "all") {
            for (auto const& entry : Registry<Strategy>::instance().entries()) all.push_back(entry.name);
            continue;
        }
        auto const spec = parse_spec(text);
        strategy_of(spec);
        all.push_back(label_of(spec));
    }
    auto sorted = all;
    std::sort(sorted.begin(), sorted.end());
    if (auto const twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end()) {
        throw usage_error(
            fmt::format("--strategies names {} twice (cases need different names); name it once, or "
                        "use --twin",
                        *twice));
    }
    return all;
}

Grid<std::int32_t, 2> PreparedText::windows_of(std::size_t batch) const {
    auto const each = windows.extent(0) / batches;
    return some_windows(windows, batch * each, each);
}

PreparedText prepare_text(PreparationSetting const& s, std::string const& dataset,
                          std::string const& plan_dataset) {
    std::vector<Combination> wanted;
    run_on_all(s.context.world, [&] { wanted = combinations(s.request); });
    auto text = route_under_policies(s, dataset, plan_dataset);
    for (auto const& routed : text.routed) {
        for (auto const& one : wanted) text.cases.push_back(prepare_case(s, text, *routed, one));
    }
    return text;
}

}  // namespace moewire
