#include "assignment/strategy.hpp"

#include <fmt/format.h>

#include "base/apportion.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"

namespace moewire {

std::string_view name_of(Family family) {
    return family == Family::placement ? "placement" : "replication";
}

std::string_view name_of(Knowledge knowledge) {
    switch (knowledge) {
        case Knowledge::plan_text:
            return "plan_text";
        case Knowledge::past_batches:
            return "past_batches";
        case Knowledge::this_batch:
            break;
    }
    return "this_batch";
}

Strategy const& strategy_of(Spec const& spec) {
    if (!spec.family.empty() && spec.family != "placement" && spec.family != "replication") {
        throw usage_error(fmt::format(
            "'{}:{}' names the family '{}' (placements and replications are wanted here); use a name of "
            "assignment/strategies in `moewire list`",
            spec.family, spec.name, spec.family));
    }
    auto const& strategy = Registry<Strategy>::instance().at(spec.name).value;
    if (!spec.family.empty() && spec.family != name_of(strategy.family)) {
        throw usage_error(fmt::format("'{}' is a {}, not a {}; use {}:{}", spec.name,
                                      name_of(strategy.family), spec.family, name_of(strategy.family),
                                      spec.name));
    }
    Settings const checked(strategy.settings, spec);
    return strategy;
}

Schedule make_schedule(std::string_view text, StreamRequest const& asked) {
    auto const spec = parse_spec(text);
    auto const& strategy = strategy_of(spec);
    auto request = asked;
    request.plan.settings = Settings(strategy.settings, spec);
    auto const experts = request.plan.demand.experts();
    if (experts < request.plan.ranks) {
        throw usage_error(
            fmt::format("{} ranks for {} experts (a rank would hold no expert); start at most {} ranks",
                        request.plan.ranks, experts, experts));
    }
    if (strategy.follow) return strategy.follow(request);
    auto planned = strategy.plan(request.plan);
    Schedule schedule;
    schedule.plan = planned.assignment.repeated(request.batches);
    schedule.moves.resize(schedule.plan.layers());
    schedule.before = std::move(planned.assignment);
    schedule.notes = std::move(planned.notes);
    return schedule;
}

Assignment make_plan(std::string_view spec, PlanRequest const& request) {
    return make_schedule(spec, {request, request.demand, 1}).plan;
}

std::vector<std::int32_t> even_capacities(std::int32_t experts, int ranks) {
    auto const shares = even_shares(experts, ranks);
    return {shares.begin(), shares.end()};
}

std::vector<double> load_of(Demand const& demand, LayerId layer) {
    auto const tokens = demand.expert_load(layer);
    return {tokens.begin(), tokens.end()};
}

}  // namespace moewire
