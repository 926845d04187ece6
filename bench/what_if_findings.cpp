// What the course study asks of its simulation, answered in sentences: does the maximum rise with imbalance,
// how do tails react, how much does balanced assignment save, what do more ranks and other machines do?
#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/show.hpp"
#include "bench/what_if.hpp"

namespace moewire {
namespace {

using Series = std::vector<WhatIfResult const*>;
using Key = std::function<std::string(WhatIfResult const&)>;

std::string machine_of(WhatIfResult const& one) {
    return fmt::format(
        "{} ranks{}", one.ranks,
        one.bandwidth_gbit_per_s > 0 ? fmt::format(", {} Gbit/s", one.bandwidth_gbit_per_s) : "");
}

std::string what_moves(WhatIfResult const& one) {
    return one.strategy.empty() ? one.source : one.source + ", " + one.strategy;
}

// Results that share a key, in the order of `value`, least first; those of one value alone are left out.
std::map<std::string, Series> series_by(std::vector<WhatIfResult> const& results, Key const& key,
                                        double (*value)(WhatIfResult const&)) {
    std::map<std::string, Series> all;
    for (auto const& one : results)
        if (one.time_s > 0 && value(one) >= 0) all[key(one)].push_back(&one);
    for (auto& [name, series] : all)
        std::stable_sort(series.begin(), series.end(),
                         [&](auto* a, auto* b) { return value(*a) < value(*b); });
    std::erase_if(all, [&](auto const& entry) {
        return !(value(*entry.second.front()) < value(*entry.second.back()));
    });
    return all;
}

double imbalance_of_result(WhatIfResult const& one) {
    return one.imbalance;
}
double ranks_of_result(WhatIfResult const& one) {
    return one.ranks;
}
double bandwidth_of_result(WhatIfResult const& one) {
    return one.bandwidth_gbit_per_s;
}

void add_rises_and_tails(std::vector<WhatIfResult> const& results, std::vector<std::string>& rises_told,
                         std::vector<std::string>& tails_told) {
    auto const key = [](WhatIfResult const& one) {
        return fmt::format("{}, {}, {}", machine_of(one), one.strategy, one.cost_model);
    };
    for (auto const& [what, series] : series_by(results, key, imbalance_of_result)) {
        auto const &first = *series.front(), &last = *series.back();
        bool const rises = std::adjacent_find(series.begin(), series.end(), [](auto* a, auto* b) {
                               return a->time_s >= b->time_s;
                           }) == series.end();
        rises_told.push_back(fmt::format(
            "{}: the maximum {} with imbalance, {:.2f} times from Gini {:.2f} ({}) to {:.2f} ({}).", what,
            rises ? "rises" : "does not always rise", last.time_s / first.time_s, first.imbalance,
            show_seconds(first.time_s), last.imbalance, show_seconds(last.time_s)));
        if (first.p50_s <= 0 || last.p50_s <= 0) continue;
        tails_told.push_back(
            fmt::format("{}: over {} sampled routings P99 goes from {} to {}, {:.2f} times; it lies {} above "
                        "P50 at Gini {:.2f}, {} at {:.2f}.",
                        what, last.draws, show_seconds(first.p99_s), show_seconds(last.p99_s),
                        last.p99_s / first.p99_s, show_percent(first.p99_s / first.p50_s - 1),
                        first.imbalance, show_percent(last.p99_s / last.p50_s - 1), last.imbalance));
    }
}

// The fastest of the others on the same machine, by the same model, for the same choices.
WhatIfResult const* best_other(std::vector<WhatIfResult> const& results, WhatIfResult const& base) {
    WhatIfResult const* best = nullptr;
    for (auto const& other : results) {
        bool const comparable = machine_of(other) == machine_of(base) && other.source == base.source &&
                                other.cost_model == base.cost_model && !other.strategy.empty() &&
                                other.strategy != base.strategy;
        if (comparable && (best == nullptr || other.time_s < best->time_s)) best = &other;
    }
    return best;
}

struct Savings {
    std::vector<std::string> parts;
    int uneven = 0, as_expected = 0;
};

void add_savings(std::vector<WhatIfResult> const& results, std::vector<std::string>& findings) {
    std::map<std::string, Savings> by_machine;
    for (auto const& base : results) {
        if (base.strategy != "contiguous" || base.time_s <= 0) continue;
        auto const* best = best_other(results, base);
        if (best == nullptr) continue;
        double const saved = 1 - best->time_s / base.time_s;
        auto& savings = by_machine[machine_of(base) + ", " + base.cost_model];
        savings.parts.push_back(
            fmt::format("{} ({}) at {}", show_percent(saved), best->strategy, base.source));
        if (base.imbalance == 0) continue;  // nothing to even out
        ++savings.uneven;
        savings.as_expected += saved >= 0.2 && saved <= 0.5 ? 1 : 0;
    }
    for (auto const& [what, savings] : by_machine) {
        findings.push_back(
            fmt::format("{}: balanced assignment saves {}; the course study expects 20 to 50 %, found at {} "
                        "of {} uneven loads.",
                        what, fmt::join(savings.parts, ", "), savings.as_expected, savings.uneven));
    }
}

void add_rank_counts(std::vector<WhatIfResult> const& results, std::vector<std::string>& findings) {
    auto const by_ranks = [](WhatIfResult const& one) {
        return fmt::format(
            "{}{}, {}", what_moves(one),
            one.bandwidth_gbit_per_s > 0 ? fmt::format(", {} Gbit/s", one.bandwidth_gbit_per_s) : "",
            one.cost_model);
    };
    for (auto const& [what, series] : series_by(results, by_ranks, ranks_of_result)) {
        auto const &first = *series.front(), &last = *series.back();
        findings.push_back(fmt::format("{}: {} ranks take {:.2f} times what {} take ({} after {}).", what,
                                       last.ranks, last.time_s / first.time_s, first.ranks,
                                       show_seconds(last.time_s), show_seconds(first.time_s)));
    }
}

void add_bandwidths(std::vector<WhatIfResult> const& results, std::vector<std::string>& findings) {
    auto const by_bandwidth = [](WhatIfResult const& one) {
        return fmt::format("{} ranks, {}, {}", one.ranks, what_moves(one), one.cost_model);
    };
    for (auto const& [what, series] : series_by(results, by_bandwidth, bandwidth_of_result)) {
        auto const &first = *series.front(), &last = *series.back();
        findings.push_back(
            fmt::format("{}: {:.3g} times the bandwidth make it {:.2f} times as fast; at {} Gbit/s {} binds.",
                        what, last.bandwidth_gbit_per_s / first.bandwidth_gbit_per_s,
                        first.time_s / last.time_s, last.bandwidth_gbit_per_s, last.binding_resource));
    }
}

void add_transfers(std::vector<WhatIfResult> const& results, std::vector<std::string>& findings) {
    for (auto const& one : results) {
        if (one.measured_on.empty() || one.time_s <= 0) continue;
        auto text = fmt::format("{}: {}{} by {}, evidence {}", what_moves(one),
                                one.cost_model == "bound" ? "at least " : "", show_seconds(one.time_s),
                                one.cost_model, one.evidence);
        if (one.evidence == "transferred")
            text +=
                fmt::format(": traffic of {}, another machine than this, or planned anew", one.measured_on);
        if (one.measured_s > 0)
            text += fmt::format("; measured on {}: {}, {:.3g} times that", one.measured_on,
                                show_seconds(one.measured_s), one.measured_s / one.time_s);
        findings.push_back(text + ".");
    }
}

}  // namespace

std::vector<std::vector<std::string>> key_findings(std::vector<WhatIfResult> const& results) {
    std::vector<std::vector<std::string>> findings(6);
    add_rises_and_tails(results, findings[0], findings[1]);
    add_savings(results, findings[2]);
    add_rank_counts(results, findings[3]);
    add_bandwidths(results, findings[4]);
    add_transfers(results, findings[5]);
    return findings;
}

std::vector<std::string> seed_findings(WhatIfRequest const& request, std::vector<SeedLevel> const& levels) {
    auto balanced = request;
    balanced.strategies = "eplb_pack";
    balanced.cost_models = "seed";
    balanced.ranks = {static_cast<double>(request.study.num_gpus)};
    balanced.study.seeds = 0;  // of these the expected times alone are asked
    auto results = run_what_if(balanced);
    for (auto const& level : levels) {
        WhatIfResult one;
        one.ranks = request.study.num_gpus;
        one.source = fmt::format("gini {:.2f}", level.imbalance);
        one.strategy = "contiguous";
        one.cost_model = "seed";
        one.imbalance = level.imbalance;
        one.time_s = level.overall_max_time_s;
        one.draws = static_cast<std::int64_t>(level.sampled_max_time_s.size());
        one.p50_s = level.p50_s;
        one.p99_s = level.p99_s;
        results.push_back(one);
    }
    std::vector<std::string> findings;
    std::vector<WhatIfResult> const contiguous(results.end() - static_cast<std::ptrdiff_t>(levels.size()),
                                               results.end());
    add_rises_and_tails(contiguous, findings, findings);
    add_savings(results, findings);
    return findings;
}

}  // namespace moewire
