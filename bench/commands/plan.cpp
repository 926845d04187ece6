// moewire plan: what strategies make of a known load, at any number of ranks, and how long they plan.
#include <algorithm>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "base/show.hpp"
#include "base/statistics.hpp"
#include "bench/preparation.hpp"
#include "routing/co_activation.hpp"
#include "routing/control.hpp"
#include "routing/imbalance.hpp"
#include "system/clock.hpp"
#include "traffic/traffic.hpp"

namespace moewire {
namespace {

struct Options {
    std::string load = "control:lognormal:maxvio=2", strategies = "contiguous,eplb_pack,eplb_replicated";
    std::int32_t experts = 256, ranks = 64, layers = 60, nodes = 1;
    std::int64_t top_k = 8, tokens_per_rank = 512, repetitions = 5;
    std::uint64_t seed = 0;
};

void check(Options const& o) {
    auto const within = [](std::int64_t value, std::int64_t least, std::int64_t most, char const* name) {
        if (value >= least && value <= most) return;
        throw usage_error(
            fmt::format("--{} is {} (must lie in {} .. {}); give another value", name, value, least, most));
    };
    within(o.experts, 1, 4096, "experts");
    within(o.ranks, 1, 4096, "ranks");
    within(o.layers, 1, 1000, "layers");
    within(o.top_k, 1, o.experts, "top_k");
    within(o.tokens_per_rank, 1, 1 << 20, "tokens_per_rank");
    within(o.repetitions, 1, 10000, "repetitions");
    within(o.nodes, 1, o.ranks, "nodes");
    if (o.ranks % o.nodes != 0)
        throw usage_error(fmt::format("{} nodes do not divide {} ranks; use equal nodes", o.nodes, o.ranks));
    if (!is_control(o.load))
        throw usage_error(
            fmt::format("--load {} is no control; write control:NAME, see `moewire list`", o.load));
}

// The control's demand of all ranks, and the pairs of rank 0's tokens, which stand for the rest.
struct Load {
    Demand demand;
    Grid<std::int64_t, 3> pairs;
};

Load imposed(Options const& o, std::uint64_t seed) {
    Grid<std::int64_t, 3> tokens(o.layers, o.ranks, o.experts);
    Load load;
    for (RankId const source : ids<RankId>(o.ranks)) {
        auto const routing = impose(o.load, {o.ranks, source, static_cast<std::size_t>(o.layers),
                                             o.tokens_per_rank, o.experts, o.top_k, seed});
        auto const counts = count_picks(routing);
        for (std::size_t layer = 0; layer < counts.extent(0); ++layer)
            std::copy(counts.row(layer).begin(), counts.row(layer).end(), tokens.row(layer, source).begin());
        if (index_of(source) == 0) load.pairs = count_pairs(routing);
    }
    load.demand = Demand(std::move(tokens));
    return load;
}

double mean_max_over_mean(Demand const& demand, Assignment const& plan) {
    auto const received = received_tokens(demand, plan);
    double total = 0;
    for (std::size_t layer = 0; layer < received.extent(0); ++layer)
        total += imbalance_of(received.row(layer)).max_over_mean;
    return total / static_cast<double>(received.extent(0));
}

int run(Context const& context, Options const& o) {
    if (!context.world.is_root()) return 0;
    check(o);
    MeasureRequest names;
    names.strategies = o.strategies;
    auto const strategies = strategies_of(names);
    auto const load = imposed(o, o.seed);
    PlanRequest request{load.demand, o.ranks, o.seed, {}, &load.pairs, {}};
    for (int rank = 0; rank < o.ranks; ++rank) request.node_of_rank.push_back(rank / (o.ranks / o.nodes));
    auto const plain = make_plan("contiguous", request);
    Table table({"strategy", "planning p50", "against eplb_pack", "busiest rank / mean",
                 "copies moved from contiguous", "slots of a rank"});
    auto const median_s = [&](std::string const& strategy, Assignment& plan) {
        std::vector<double> took_s;
        for (std::int64_t i = 0; i < o.repetitions; ++i) {
            double const start_s = monotonic_s();
            plan = make_plan(strategy, request);
            took_s.push_back(monotonic_s() - start_s);
        }
        return median(took_s);
    };
    Assignment packed;
    double const peer_s = median_s("eplb_pack", packed);
    for (auto const& strategy : strategies) {
        Assignment plan;
        double const took_s = median_s(strategy, plan);
        table.add({strategy, show_seconds(took_s), fmt::format("{:.2f} x", took_s / peer_s),
                   fmt::format("{:.3f}", mean_max_over_mean(load.demand, plan)),
                   show_count(moved_experts(plain, plan)),
                   fmt::format("{:.1f}", static_cast<double>(plan.slots()) / plan.ranks())});
    }
    print(context, fmt::format("{} experts on {} ranks, {} layers, {} tokens a rank, top {}, {}\n", o.experts,
                               o.ranks, o.layers, o.tokens_per_rank, o.top_k, o.load) +
                       table.text(TableStyle::plain));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    option(app, "load", o->load, "Load to plan for and to judge by: control:NAME[:key=value]...");
    option(app, "strategies", o->strategies, "Placements and replications by comma, or all");
    option(app, "experts", o->experts, "Experts of a layer");
    option(app, "ranks", o->ranks, "Ranks");
    option(app, "nodes", o->nodes, "Nodes of equally many ranks");
    option(app, "layers", o->layers, "Layers");
    option(app, "top_k", o->top_k, "Experts that a token chooses");
    option(app, "tokens_per_rank", o->tokens_per_rank, "Tokens of each rank");
    option(app, "repetitions", o->repetitions, "Plans to time");
    option(app, "seed", o->seed, "Seed of the load and of random placements");
    footer(
        app,
        "Plans are judged by the load that they were made from: the best case. What they do on other text, "
        "`moewire measure\n--plan_dataset` shows.");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "plan", "What strategies make of a known load at any scale, and how long they plan.", {declare});

}  // namespace
}  // namespace moewire
