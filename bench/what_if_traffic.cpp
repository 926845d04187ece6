// Where traffic comes from: imposed popularity and controls.
#include <algorithm>
#include <numeric>

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

namespace moewire {
namespace {

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

std::vector<TrafficSource> imposed_sources(WhatIfRequest const& r,
                                           std::vector<std::int32_t> const& node_of_rank) {
    std::vector<TrafficSource> sources;
    int const ranks = static_cast<int>(node_of_rank.size());
    auto const row_bytes = r.study.hidden_size * r.study.element_bytes;
    auto const add = [&](std::string const& name, double level, Demand const& plan,
                         std::vector<Demand> const& draws) {
        for (auto const& spec : strategies_asked_for(r)) {
            sources.push_back(planned_source(r, node_of_rank, spec, plan, draws, row_bytes));
            sources.back().name = name;
            sources.back().imbalance = level;
        }
    };
    int const draws_of_each = affordable_draws(r, ranks, static_cast<double>(ranks) * ranks);
    if (!r.control.empty()) {
        std::vector<Demand> draws;
        for (int draw = 1; draw <= draws_of_each; ++draw)
            draws.push_back(controlled_demand(r, ranks, r.study.seed + static_cast<std::uint64_t>(draw)));
        add(r.control, -1, controlled_demand(r, ranks, r.study.seed), draws);
        return sources;
    }
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

}  // namespace

std::vector<std::string> strategies_asked_for(WhatIfRequest const& r) {
    return split_list(r.strategies.empty() ? "contiguous" : r.strategies, "strategies");
}

int affordable_draws(WhatIfRequest const& r, int ranks, double numbers_of_each) {
    constexpr double most_numbers = 4e6;  // in memory, and each is looked at by every model
    auto const fit = static_cast<int>(most_numbers / numbers_of_each);
    if (fit >= r.study.seeds) return r.study.seeds;
    log_warning(
        fmt::format("{} ranks: P50 and P99 rest on {} draws instead of {}", ranks, fit, r.study.seeds));
    return fit;
}

TrafficSource planned_source(WhatIfRequest const& r, std::vector<std::int32_t> const& node_of_rank,
                             std::string const& spec, Demand const& plan_demand,
                             std::vector<Demand> const& draws, std::int64_t row_bytes) {
    TrafficSource source;
    source.strategy = spec;
    auto const made = [&](Demand const& served) {
        PlanRequest const plan{plan_demand, static_cast<int>(node_of_rank.size()), r.study.seed,
                               node_of_rank};
        return traffic_per_expert(served, make_schedule(spec, {plan, served, 1}).plan, row_bytes);
    };
    source.expected = made(plan_demand);
    for (auto const& draw : draws) source.draws.push_back(made(draw));
    return source;
}

std::vector<TrafficSource> traffic_sources(WhatIfRequest const& r,
                                           std::vector<std::int32_t> const& node_of_rank) {
    bool const is_replanned = !r.trace.empty() && (!r.ranks.empty() || !r.strategies.empty());
    if (is_replanned) return replanned_sources(r, node_of_rank);
    auto given = given_sources(r);
    return given.empty() ? imposed_sources(r, node_of_rank) : given;
}

}  // namespace moewire
