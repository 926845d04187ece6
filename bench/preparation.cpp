#include "bench/preparation.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "bench/places.hpp"
#include "measure/gather.hpp"
#include "model/scoring.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

// A bare name or "placement:name"; other families are refused by name.
std::string bare_name(std::string const& strategy) {
    auto const colon = strategy.find(':');
    if (colon == std::string::npos) return strategy;
    auto const family = strategy.substr(0, colon), name = strategy.substr(colon + 1);
    if (family != "placement" && family != "replication") {
        throw usage_error(
            fmt::format("'{}' names the family '{}' (measure takes placements and replications); use "
                        "placement:{} or a bare name",
                        strategy, family, name));
    }
    auto const& entry = Registry<Strategy>::instance().at(name);
    if (family != name_of(entry.value.family)) {
        throw usage_error(fmt::format("'{}' is a {}, not a {}; use {}:{}", name, name_of(entry.value.family),
                                      family, name_of(entry.value.family), name));
    }
    return name;
}

// This rank's own windows: ranks take consecutive stretches of the text.
Grid<std::int32_t, 2> my_windows(Context const& context, Subject const& subject, MeasureRequest const& r,
                                 std::string const& dataset, Split split) {
    Grid<std::int32_t, 2> mine;
    run_on_all(context.world, [&] {
        auto const text = tokenise(subject, dataset, split);
        auto const length = std::min(r.window, r.tokens_per_rank);
        auto const count = r.tokens_per_rank / length * context.world.size();
        mine = share_of(consecutive_windows(text.tokens, length, count), context.world.rank(),
                        context.world.size());
    });
    return mine;
}

PreparedCase prepare_case(Context const& context, Subject const& subject, Exchange& exchange,
                          PreparedText const& text, std::string const& strategy, std::uint64_t seed) {
    auto const& facts = subject.facts();
    PreparedCase one;
    one.strategy = strategy;
    one.family = Registry<Strategy>::instance().at(strategy).value.family;
    one.assignment = plan_on_root(context.world, strategy, text.plan_demand, seed, &one.plan_s);
    one.traffic = traffic_per_expert(text.test_demand, one.assignment, facts.row_bytes);
    auto const plain = make_plan("contiguous", {text.plan_demand, context.world.size(), 0});
    one.moved_bytes = moved_experts(plain, one.assignment) * facts.expert_bytes;
    one.replay = std::make_unique<Replay>(context.world, exchange, "per_expert", text.routing, one.assignment,
                                          facts.row_bytes);
    check_counts(context.world, *one.replay, one.traffic);
    return one;
}

}  // namespace

PreparedText prepare_text(Context const& context, Subject& subject, PlainParallel const& parallel,
                          Exchange& exchange, MeasureRequest const& request, std::string const& dataset) {
    std::vector<std::string> strategies;
    run_on_all(context.world, [&] {
        for (auto const& name : split_list(request.strategies, "--strategies")) {
            strategies.push_back(Registry<Strategy>::instance().at(bare_name(name)).name);
        }
    });
    auto const plan_dataset = request.plan_dataset.empty() ? dataset : request.plan_dataset;
    PreparedText text;
    text.windows = my_windows(context, subject, request, dataset, Split::test);
    auto const plan_windows = my_windows(context, subject, request, plan_dataset, Split::train);
    text.dataset = load_text(dataset, Split::test, text_places()).dataset;
    text.plan_dataset = load_text(plan_dataset, Split::train, text_places()).dataset;

    auto const quiet = [](std::int64_t) {};
    auto const plan = score_windows(*subject.model, plan_windows, 0, parallel.view(), quiet);
    auto test = score_windows(*subject.model, text.windows, text.windows.extent(1) > 1 ? 1 : 0,
                              parallel.view(), quiet);
    text.plan_demand = gather_demand(context.world, plan.routing);
    text.test_demand = gather_demand(context.world, test.routing);
    text.perplexity = test.targets > 0 ? test.perplexity() : 0;
    text.routing = std::move(test.routing);
    for (auto const& strategy : strategies) {
        text.cases.push_back(prepare_case(context, subject, exchange, text, strategy, request.seed));
    }
    return text;
}

}  // namespace moewire
