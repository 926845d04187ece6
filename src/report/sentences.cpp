#include "report/sentences.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/show.hpp"
#include "report/alternatives.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

// A time ratio as a gain: 0.88 -> 12 % faster.
double gain(double ratio) {
    return 100 * (1 - ratio);
}

// The least median among those that are faster than the baseline beyond the noise, with the usual policy and
// payload, and no bound; null without any.
CaseSummary const* clear_winner(Group const& group, CaseSummary const& baseline) {
    CaseSummary const* best = nullptr;
    for (auto const& one : group.cases) {
        if (!one.measured() || &one == &baseline || one.is_bound || !one.is_usual()) continue;
        if (compare(one.charged_s, baseline.charged_s).verdict != Verdict::faster) continue;
        if (best == nullptr || one.p50.value < best->p50.value) best = &one;
    }
    return best;
}

std::string say_group(Group const& group) {
    auto const* const fastest = group.fastest();
    auto const* const baseline = group.baseline();
    if (fastest == nullptr) return fmt::format("{}: no case was measured.", where(group));
    if (baseline == nullptr) {
        return fmt::format(
            "{}: {} had the shortest exchanges, {} a pass at the median; without `contiguous` there is no "
            "baseline to compare with.",
            where(group), fastest->strategy, show_seconds(fastest->p50.value));
    }
    auto const* const winner = clear_winner(group, *baseline);
    if (winner != nullptr) {
        auto const against = compare(winner->charged_s, baseline->charged_s);
        return fmt::format(
            "{}: **{} is the fastest placement**: its exchanges take {} a pass at the median{}, {} than "
            "`contiguous`, over {} paired iterations; it leads in {:.0f} % of resamples.",
            where(group), winner->strategy, show_seconds(winner->p50.value),
            winner->migration_s.empty() ? "" : ", moving weights included", say_comparison(against),
            against.ratio.samples, 100 * winner->chance_of_fastest);
    }
    if (fastest == baseline) {
        return fmt::format("{}: no placement beats `contiguous`, {} a pass at the median.", where(group),
                           show_seconds(baseline->p50.value));
    }
    return fmt::format(
        "{}: no placement beats `contiguous` beyond the noise; the least median is {}'s ({}, {}).",
        where(group), fastest->strategy, show_seconds(fastest->p50.value),
        say_comparison(compare(fastest->charged_s, baseline->charged_s)));
}

std::int64_t integer_or(Record const& record, std::string const& key, std::int64_t otherwise) {
    return record.has(key) ? record.integer(key) : otherwise;
}

}  // namespace

std::string say_comparison(Comparison const& comparison) {
    auto const& r = comparison.ratio;
    double const least = gain(r.high), most = gain(r.low);
    std::string const limits = r.bounded ? "" : ", n too small for 95 %";
    switch (comparison.verdict) {
        case Verdict::faster:
            return fmt::format("{:.1f} % faster (95 %: {:.1f} to {:.1f} %)", gain(r.value), least, most);
        case Verdict::slower:
            return fmt::format("{:.1f} % slower (95 %: {:.1f} to {:.1f} %)", -gain(r.value), -most, -least);
        case Verdict::cannot_tell:
            break;
    }
    return fmt::format("no clear difference (95 %: {:.1f} % slower to {:.1f} % faster{})", -least, most,
                       limits);
}

std::vector<std::string> say_answers(std::vector<Group> const& groups) {
    std::vector<std::string> sentences;
    for (auto const& group : groups) {
        sentences.push_back(say_group(group));
        for (auto& more : say_alternatives(group)) sentences.push_back(std::move(more));
    }
    return sentences;
}

std::string say_accuracy(std::vector<ModelAccuracy> const& accuracy) {
    std::map<std::string, std::string> of_model;
    for (auto const& a : accuracy) {
        if (!a.has_interval) continue;
        auto& text = of_model[a.model];
        text += fmt::format(
            "{}mode {}: within {:.0f} % (median over {} exchanges; 95 % of them within {:.0f} %; its 90 % "
            "interval held {:.0f} %)",
            text.empty() ? "" : "; ", a.mode, 100 * a.median_error, a.exchanges, 100 * a.p95_error,
            100 * a.coverage);
    }
    std::string all;
    for (auto const& [model, text] : of_model) {
        all += fmt::format("{}The model `{}`, {}, predicted the median exchange, {}.", all.empty() ? "" : " ",
                           model,
                           model == "line" ? "calibrated just before on other sizes and isolated exchanges"
                                           : "frozen before the run",
                           text);
    }
    return all;
}

std::vector<std::string> say_limits(Trace const& trace, std::vector<Group> const& groups) {
    std::vector<std::string> limits;
    auto const ranks = integer_or(trace.root, "ranks", 1), cores = integer_or(trace.root, "cores", 0);
    auto const nodes = integer_or(trace.root, "nodes", 1);
    if (cores > 0 && ranks > cores * nodes) {
        limits.push_back(
            fmt::format("{} ranks shared {} cores: ranks waited for a processor, so times scatter and say "
                        "little of a machine with a core or GPU per rank. Ratios within this run are what "
                        "counts.",
                        ranks, cores * nodes));
    }
    if (ranks == 1)
        limits.push_back("One rank: nothing crossed between ranks; the exchange is a copy in memory.");
    std::int64_t fewest = 0;
    for (auto const& group : groups) {
        for (auto const& one : group.cases) {
            auto const n = static_cast<std::int64_t>(one.exchange_s.size());
            if (n > 0 && (fewest == 0 || n < fewest)) fewest = n;
            if (one.status == status::waived)
                limits.push_back(fmt::format("{}: waived: {}.", one.key, one.reason));
            if (one.status == status::failed)
                limits.push_back(fmt::format("{}: failed: {}.", one.key, one.reason));
        }
    }
    if (fewest > 0 && fewest < 1000) {
        limits.push_back(
            fmt::format("p99 rests on {} iterations: {}.", fewest,
                        fewest < 100 ? "it is the largest sample" : "few samples lie beyond it"));
    }
    return limits;
}

std::vector<std::vector<std::string>> seed_expectations(Trace const& trace,
                                                        std::vector<Group> const& groups) {
    std::vector<std::vector<std::string>> rows;
    double worst = 0, above = 0, layers = 0;
    std::set<std::string> seen;
    for (auto const& record : trace.cases) {
        if (record.find("expert_load_tokens") == nullptr || !record.has("expert_gini_worst_layer")) continue;
        if (!seen.insert(record.text("model") + record.text("dataset")).second) continue;
        worst = std::max(worst, record.number("expert_gini_worst_layer"));
        above += record.number("expert_gini_layers_above_0.3");
        layers += static_cast<double>(to_grid<std::int64_t, 3>(record.at("expert_load_tokens")).extent(0));
    }
    if (layers > 0) {
        rows.push_back({"Gini above 0.3 in many layers",
                        fmt::format("{:.0f} of {:.0f} layers, largest {:.2f}", above, layers, worst),
                        above * 2 >= layers ? "confirmed"
                        : above > 0         ? "in part"
                                            : "not found"});
    }
    double best = 0;
    std::string of;
    for (auto const& group : groups) {
        auto const* const baseline = group.baseline();
        auto const* const winner = baseline == nullptr ? nullptr : clear_winner(group, *baseline);
        if (winner == nullptr) continue;
        auto const comparison = compare(winner->charged_s, baseline->charged_s);
        if (gain(comparison.ratio.value) <= best) continue;
        best = gain(comparison.ratio.value);
        of = fmt::format(", {} on {} ({})", winner->strategy, group.dataset, group.mode);
    }
    if (!groups.empty()) {
        rows.push_back({"Balanced assignment cuts communication time by 20 to 50 %",
                        best > 0 ? fmt::format("at most {:.0f} %{} (placements alone)", best, of)
                                 : "no clear gain by placement",
                        best >= 20 ? "confirmed" : "not found"});
    }
    return rows;
}

}  // namespace moewire
