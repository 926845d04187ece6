// Where traffic comes from: imposed popularity, controls, traces, matrices, profiles.
#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/apportion.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "bench/subject.hpp"
#include "bench/what_if.hpp"
#include "routing/control.hpp"
#include "routing/imbalance.hpp"
#include "trace/trace_reader.hpp"
#include "traffic/kineto.hpp"

namespace moewire {
namespace {

Traffic traffic_of(std::vector<ByteMatrix> const& layers) {
    auto const n = layers.front().extent(0);
    Traffic traffic{0, Grid<std::uint64_t, 3>(layers.size(), n, n)};
    for (std::size_t layer = 0; layer < layers.size(); ++layer)
        std::copy(layers[layer].values().begin(), layers[layer].values().end(),
                  traffic.bytes.row(layer).begin());
    return traffic;
}

std::vector<std::string> strategy_specs(WhatIfRequest const& r) {
    return split_list(r.strategies.empty() ? "contiguous" : r.strategies, "strategies");
}

// Every choice drawn from the popularity, or dealt in proportion.
Demand popular_demand(WhatIfRequest const& r, int ranks, std::vector<double> const& popularity,
                      Random* random) {
    auto const& s = r.study;
    Grid<std::int64_t, 3> tokens(std::size_t{1}, static_cast<std::size_t>(ranks), popularity.size());
    std::vector<double> upper(popularity.size());
    std::partial_sum(popularity.begin(), popularity.end(), upper.begin());
    auto const share = even_shares(s.num_tokens, ranks);
    for (int source = 0; source < ranks; ++source) {
        auto const choices = share[static_cast<std::size_t>(source)] * s.top_k;
        auto row = tokens.row(0, source);
        if (random == nullptr) {
            auto const dealt = apportion(choices, popularity);
            std::copy(dealt.begin(), dealt.end(), row.begin());
            continue;
        }
        for (std::int64_t i = 0; i < choices; ++i)
            ++row[static_cast<std::size_t>(
                std::upper_bound(upper.begin(), upper.end() - 1, random->uniform()) - upper.begin())];
    }
    return Demand(std::move(tokens));
}

Demand controlled_demand(WhatIfRequest const& r, int ranks, std::uint64_t seed) {
    Grid<std::int64_t, 3> tokens(std::size_t{1}, static_cast<std::size_t>(ranks),
                                 static_cast<std::size_t>(r.study.num_experts));
    auto const share = even_shares(r.study.num_tokens, ranks);
    for (RankId const source : ids<RankId>(ranks)) {
        auto const counts = count_picks(impose(
            r.control,
            {ranks, source, 1, share[index_of(source)], r.study.num_experts, r.study.top_k, seed, {}}));
        std::copy(counts.values().begin(), counts.values().end(), tokens.row(0, source).begin());
    }
    return Demand(std::move(tokens));
}

// The plan is made from one demand and timed on others, as in a measured case.
TrafficSource planned(WhatIfRequest const& r, int ranks, std::string const& spec, Demand const& plan_demand,
                      std::vector<Demand> const& draws, std::int64_t row_bytes) {
    TrafficSource source;
    source.strategy = spec;
    auto const made = [&](Demand const& served) {
        PlanRequest const plan{plan_demand, ranks, r.study.seed};
        return traffic_per_expert(served, make_schedule(spec, {plan, served, 1}).plan, row_bytes);
    };
    source.expected = made(plan_demand);
    for (auto const& draw : draws) source.draws.push_back(made(draw));
    return source;
}

// Draws that fit: their matrices are all in memory, and each costs every model a look at every pair.
int affordable_draws(WhatIfRequest const& r, int ranks) {
    constexpr double most_pairs = 4e6;
    auto const fit = static_cast<int>(most_pairs / (static_cast<double>(ranks) * ranks));
    if (fit >= r.study.seeds) return r.study.seeds;
    log_warning(
        fmt::format("{} ranks: P50 and P99 rest on {} draws instead of {}", ranks, fit, r.study.seeds));
    return fit;
}

std::vector<TrafficSource> imposed_sources(WhatIfRequest const& r, int ranks) {
    std::vector<TrafficSource> sources;
    auto const row_bytes = r.study.hidden_size * r.study.element_bytes;
    auto const add = [&](std::string const& name, double level, Demand const& plan,
                         std::vector<Demand> const& draws) {
        for (auto const& spec : strategy_specs(r)) {
            sources.push_back(planned(r, ranks, spec, plan, draws, row_bytes));
            sources.back().name = name;
            sources.back().imbalance = level;
        }
    };
    if (!r.control.empty()) {
        add(r.control, -1, controlled_demand(r, ranks, r.study.seed),
            {controlled_demand(r, ranks, r.study.seed + 1)});
        return sources;
    }
    int const draws_of_each = affordable_draws(r, ranks);
    for (double const level : r.imbalance_levels) {
        auto const popularity = popularity_at_gini(r.study.num_experts, level);
        std::vector<Demand> draws;
        for (int draw = 0; draw < draws_of_each; ++draw) {
            Random random(r.study.seed + static_cast<std::uint64_t>(draw),
                          fmt::format("what if {:.6f}", level));
            draws.push_back(popular_demand(r, ranks, popularity, &random));
        }
        add(fmt::format("gini {:.2f}", level), level, popular_demand(r, ranks, popularity, nullptr), draws);
    }
    return sources;
}

std::vector<TrafficSource> traced_sources(WhatIfRequest const& r) {
    auto const trace = read_trace(r.trace);
    std::vector<TrafficSource> sources;
    for (auto const& one : trace.cases) {
        auto const* bytes = one.find("traffic_bytes");
        if (bytes == nullptr) continue;
        TrafficSource source;
        source.name = one.path.substr(one.path.rfind('/') + 1);
        source.strategy = one.has("strategy") ? one.text("strategy") : "";
        source.expected = {0, to_grid<std::uint64_t, 3>(*bytes)};
        source.measured_on = trace.topology.has("name") ? trace.topology.text("name") : "unknown";
        sources.push_back(std::move(source));
    }
    if (sources.empty())
        throw input_error("simulate",
                          r.trace + " holds no case with traffic (nothing to predict); measure one first");
    return sources;
}

// The same tokens on other ranks: each new rank gets those of one that was measured, in turn, so that a
// rank's work stays what it was. The trace holds the test text alone, so that plans are made from what they
// serve.
std::vector<TrafficSource> replanned_sources(WhatIfRequest const& r, int ranks) {
    auto const trace = read_trace(r.trace);
    std::set<std::string> seen;
    std::vector<TrafficSource> sources;
    for (auto const& one : trace.cases) {
        auto const* loads = one.find("expert_load_tokens");
        if (loads == nullptr || !one.has("dataset") || !one.has("policy")) continue;
        auto const name = fmt::format("{}, {}, {} ranks measured", one.text("dataset"), one.text("policy"),
                                      one.integer("ranks"));
        if (!seen.insert(name).second) continue;
        auto const measured = to_grid<std::int64_t, 3>(*loads);
        Grid<std::int64_t, 3> tokens(measured.extent(0), static_cast<std::size_t>(ranks), measured.extent(2));
        for (std::size_t layer = 0; layer < measured.extent(0); ++layer) {
            for (std::size_t rank = 0; rank < tokens.extent(1); ++rank) {
                auto const from = measured.row(layer, rank % measured.extent(1));
                std::copy(from.begin(), from.end(), tokens.row(layer, rank).begin());
            }
        }
        Demand const demand(std::move(tokens));
        for (auto const& spec : strategy_specs(r)) {
            sources.push_back(planned(r, ranks, spec, demand, {}, one.integer("row_bytes")));
            sources.back().name = name;
            sources.back().measured_on = "fewer or more ranks";
        }
    }
    if (sources.empty())
        throw input_error(
            "simulate",
            r.trace + " holds no expert loads (nothing to plan from); measure with a newer version");
    return sources;
}

std::vector<TrafficSource> given_sources(WhatIfRequest const& r) {
    if (!r.trace.empty()) return traced_sources(r);
    TrafficSource source;
    if (!r.matrix.empty()) {
        source.name = r.matrix;
        source.expected = traffic_of({read_matrix(r.matrix)});
    } else {
        std::vector<ByteMatrix> layers;
        for (auto const& exchange : read_kineto({r.kineto.begin(), r.kineto.end()}))
            layers.push_back(exchange.bytes);
        source.name = "kineto";
        source.expected = traffic_of(layers);
    }
    return {source};
}

bool is_given(WhatIfRequest const& r) {
    int const kinds = !r.trace.empty() + !r.matrix.empty() + !r.kineto.empty() + !r.control.empty();
    if (kinds > 1)
        throw usage_error(
            "--trace, --matrix, --kineto and --control exclude each other (one says what moves); keep one");
    if (kinds == 1 && r.control.empty() && r.trace.empty() && !r.strategies.empty())
        throw usage_error(
            "--strategies says nothing of traffic that is given (it is planned already); leave it out");
    return kinds == 1 && r.control.empty();
}

}  // namespace

int given_ranks(WhatIfRequest const& r) {
    bool const may_choose = !r.trace.empty() && !r.ranks.empty();
    return is_given(r) && !may_choose ? given_sources(r).front().expected.ranks() : 0;
}

std::vector<TrafficSource> traffic_sources(WhatIfRequest const& r, int ranks) {
    bool const is_replanned = !r.trace.empty() && (!r.ranks.empty() || !r.strategies.empty());
    if (is_given(r)) return is_replanned ? replanned_sources(r, ranks) : given_sources(r);
    return imposed_sources(r, ranks);
}

}  // namespace moewire
