// 100,000 ranks and more: what each sends and receives in all, and the bound that follows from it.
//
// Draws are of what ranks receive. What stays in a node is taken to follow, so that the tails of few nodes
// come out a little low; of many, little stays.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/apportion.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "base/statistics.hpp"
#include "bench/what_if.hpp"
#include "routing/imbalance.hpp"
#include "routing/multinomial.hpp"
#include "simulate/marginal.hpp"

namespace moewire {
namespace {

// The rank of each expert. All sources are alike, so one stands for all in what a plan is made from.
std::vector<std::size_t> ranks_of_experts(WhatIfRequest const& r, std::vector<std::int32_t> const& nodes,
                                          std::string const& spec, std::vector<double> const& popularity) {
    if (strategy_of(parse_spec(spec)).family != Family::placement) {
        throw usage_error(
            fmt::format("'{}' makes copies (which copy a row goes to depends on where it comes "
                        "from, and sums do not say that); name placements, or 2048 ranks at most",
                        spec));
    }
    auto const dealt = apportion(r.study.num_tokens * r.study.top_k, popularity);
    Grid<std::int64_t, 3> tokens(std::size_t{1}, std::size_t{1}, popularity.size());
    std::copy(dealt.begin(), dealt.end(), tokens.row(0, 0).begin());
    Demand const demand(std::move(tokens));
    PlanRequest const request{demand, static_cast<int>(nodes.size()), r.study.seed, nodes};
    auto const plan = make_plan(spec, request);
    std::vector<std::size_t> ranks;
    for (ExpertId const expert : ids<ExpertId>(plan.experts()))
        ranks.push_back(index_of(plan.rank_of(LayerId{0}, SlotId{plan.copies_of(LayerId{0}, expert)[0]})));
    return ranks;
}

// Ranks send what their tokens choose, and receive what the choices of their experts are.
std::vector<RankLoad> loads_of(WhatIfRequest const& r, std::vector<std::size_t> const& rank_of_expert,
                               std::vector<double> const& choices, std::size_t ranks) {
    auto const& s = r.study;
    auto const row_bytes = static_cast<double>(s.hidden_size * s.element_bytes);
    auto const tokens = even_shares(s.num_tokens, static_cast<int>(ranks));
    std::vector<RankLoad> loads(ranks);
    for (std::size_t rank = 0; rank < ranks; ++rank)
        loads[rank].out_bytes = static_cast<double>(tokens[rank] * s.top_k) * row_bytes;
    for (std::size_t expert = 0; expert < choices.size(); ++expert)
        loads[rank_of_expert[expert]].in_bytes += choices[expert] * row_bytes;
    return loads;
}

// Dispatch and combine.
Bound both_ways(MachineDescription const& machine, std::vector<RankLoad> loads) {
    auto const there = marginal_bound(machine, collapse(machine, loads));
    for (auto& load : loads) std::swap(load.out_bytes, load.in_bytes);
    auto const back = marginal_bound(machine, collapse(machine, loads));
    return {there.time_s + back.time_s,
            there.time_s >= back.time_s ? there.binding_resource : back.binding_resource};
}

class Sums {
  public:
    Sums(WhatIfRequest const& r, MachineDescription const& machine, int ranks)
        : r_(r),
          machine_(machine),
          nodes_(machine.node_of_rank(ranks)),
          experts_(std::max(r.study.num_experts, ranks)) {
        if (nodes_.empty()) nodes_.assign(static_cast<std::size_t>(ranks), 0);
    }

    void add_level(double level, int draws, std::vector<WhatIfResult>& results) const {
        auto const popularity = popularity_at_gini(experts_, level);
        auto const choices = static_cast<double>(r_.study.num_tokens * r_.study.top_k);
        std::vector<double> expected;
        for (double const share : popularity) expected.push_back(share * choices);
        for (auto const& spec : strategies_asked_for(r_)) {
            auto const rank_of = ranks_of_experts(r_, nodes_, spec, popularity);
            auto result = named(level, spec);
            add_expected(loads_of(r_, rank_of, expected, nodes_.size()), result);
            std::vector<double> drawn_s;
            for (int draw = 0; draw < draws; ++draw) {
                Random random(r_.study.seed + static_cast<std::uint64_t>(draw),
                              fmt::format("sums {:.6f}", level));
                auto const counts =
                    draw_multinomial(r_.study.num_tokens * r_.study.top_k, popularity, random);
                drawn_s.push_back(
                    both_ways(machine_, loads_of(r_, rank_of, {counts.begin(), counts.end()}, nodes_.size()))
                        .time_s);
            }
            result.draws = draws;
            if (draws > 0) {
                result.p50_s = percentile(drawn_s, 0.5);
                result.p99_s = percentile(drawn_s, 0.99);
            }
            results.push_back(result);
        }
    }

    std::int32_t experts() const { return experts_; }

  private:
    WhatIfResult named(double level, std::string const& spec) const {
        WhatIfResult result;
        result.ranks = static_cast<int>(nodes_.size());
        result.source = fmt::format("gini {:.2f}", level);
        // A rank without an expert has no part in the exchange.
        if (experts_ != r_.study.num_experts) result.source += fmt::format(", {} experts", experts_);
        result.strategy = spec;
        result.cost_model = sums_model;
        result.imbalance = level;
        result.evidence = name_of(Evidence::bound);
        return result;
    }

    void add_expected(std::vector<RankLoad> const& loads, WhatIfResult& result) const {
        auto const bound = both_ways(machine_, loads);
        result.time_s = result.low_s = result.high_s = bound.time_s;
        result.bound_s = bound.time_s;
        result.binding_resource = bound.binding_resource;
        double own = 0;
        for (auto const& load : loads) result.total_bytes += load.out_bytes;
        for (auto const& load : loads) own += load.out_bytes * load.in_bytes / result.total_bytes;
        result.crossing_bytes = result.total_bytes - own;
    }

    WhatIfRequest const& r_;
    MachineDescription const& machine_;
    std::vector<std::int32_t> nodes_;
    std::int32_t experts_;
};

}  // namespace

std::vector<WhatIfResult> run_sums(WhatIfRequest const& r, MachineDescription const& machine, int ranks) {
    bool const is_given = !r.trace.empty() || !r.matrix.empty() || !r.kineto.empty() || !r.imports.empty();
    if (is_given || !r.control.empty()) {
        throw usage_error(
            "sums stand for imposed popularity alone (only there a byte's destination does not "
            "depend on its source); leave --trace, --matrix, --kineto, --import and --control out, "
            "or ask for bound");
    }
    Sums const sums(r, machine, ranks);
    int const draws = affordable_draws(r, ranks, sums.experts());
    std::vector<WhatIfResult> results;
    for (double const level : r.imbalance_levels) sums.add_level(level, draws, results);
    return results;
}

}  // namespace moewire
