#include "report/sentences.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/show.hpp"
#include "report/alternatives.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

Sentence say_winner(Group const& group, CaseSummary const& winner, CaseSummary const& baseline) {
    Sentence s{"fastest", "", {}};
    auto const against = compare(winner.charged_s, baseline.charged_s);
    s.text = fmt::format(
        "{}: **{} is the fastest placement**: its exchanges take {} a pass at the median{}, {} than "
        "`contiguous`, over {} paired iterations; it leads in {} % of resamples.",
        where(group), winner.strategy, s.seconds(winner.p50.value, "charged_p50_s", winner.key),
        winner.migration_s.empty() ? "" : ", moving weights included",
        s.comparison(against, winner, baseline), s.count(against.ratio.samples, "samples", winner.key),
        s.percent(100 * winner.chance_of_fastest, 0, "chance_percent", winner.key));
    return s;
}

Sentence say_group(Group const& group) {
    Sentence s{"fastest", "", {}};
    auto const* const fastest = group.fastest();
    auto const* const baseline = group.baseline();
    auto const place = where(group);
    if (fastest == nullptr) {
        s.text = fmt::format("{}: no case was measured.", place);
        return s;
    }
    auto const p50 = [&](CaseSummary const& one) {
        return s.seconds(one.p50.value, "charged_p50_s", one.key);
    };
    if (baseline == nullptr) {
        s.text = fmt::format(
            "{}: {} had the shortest exchanges, {} a pass at the median; without `contiguous` there is no "
            "baseline to compare with.",
            place, fastest->strategy, p50(*fastest));
        return s;
    }
    if (auto const* const winner = clear_winner(group)) return say_winner(group, *winner, *baseline);
    if (fastest == baseline) {
        s.text = fmt::format("{}: no placement beats `contiguous`, {} a pass at the median.", place,
                             p50(*baseline));
        return s;
    }
    s.text = fmt::format(
        "{}: no placement beats `contiguous` beyond the noise; the least median is {}'s ({}, {}).", place,
        fastest->strategy, p50(*fastest),
        s.comparison(compare(fastest->charged_s, baseline->charged_s), *fastest, *baseline));
    return s;
}

std::int64_t integer_or(Record const& record, std::string const& key, std::int64_t otherwise) {
    return record.has(key) ? record.integer(key) : otherwise;
}

// The exchange whose prediction by `model` was furthest off, in ratio.
struct Miss {
    CaseSummary const* one = nullptr;
    std::size_t exchange = 0;  // dispatch of all layers, then combine of all layers
    double error = 0;
};
Miss worst_miss(std::vector<Group> const& groups, std::string const& model) {
    Miss worst;
    for (auto const& group : groups) {
        for (auto const& one : group.cases) {
            auto const score = one.models.find(model);
            if (score == one.models.end()) continue;
            for (std::size_t i = 0; i < score->second.errors.size(); ++i) {
                double const error = score->second.errors[i];
                if (worst.one == nullptr || std::abs(std::log1p(error)) > std::abs(std::log1p(worst.error)))
                    worst = {&one, i, error};
            }
        }
    }
    return worst;
}

Sentence say_miss(Miss const& miss, std::string const& model) {
    Sentence s{"prediction", "", {}};
    auto const layers = miss.one->models.at(model).errors.size() / 2;
    bool const is_dispatch = miss.exchange < layers;
    auto const layer = static_cast<std::int64_t>(miss.exchange % layers);
    auto const of =
        fmt::format("{}/{}/{}/{}", miss.one->key, model, is_dispatch ? "dispatch" : "combine", layer);
    s.text = fmt::format(
        "`{}` was furthest off at the {} of layer {} of {}: it predicted {} % {} than was measured.", model,
        is_dispatch ? "dispatch" : "combine", s.count(layer, "layer", of), miss.one->key,
        s.percent(100 * std::abs(miss.error), 0, "miss_percent", of), miss.error < 0 ? "less" : "more");
    return s;
}

// Of each mode, the rule that came nearest: what a cost model must beat.
void say_rules(std::vector<ModelAccuracy> const& accuracy, std::vector<Sentence>& sentences) {
    std::map<std::string, ModelAccuracy const*, std::greater<>> nearest;  // replay before in_model
    std::set<std::string> rules;
    for (auto const& a : accuracy) {
        if (!a.is_rule) continue;
        rules.insert(a.model);
        auto& best = nearest[a.mode];
        if (best == nullptr || a.median_error < best->median_error) best = &a;
    }
    if (rules.size() < 2) return;  // without a calibration there is but one that says anything
    Sentence s{"prediction", "", {}};
    s.text = fmt::format("The nearest of {} simpler rules that knew the same calibration, ",
                         s.count(static_cast<std::int64_t>(rules.size()), "rules"));
    std::string separator;
    for (auto const& [mode, a] : nearest) {
        auto const of = mode + "/" + a->model;
        s.text +=
            fmt::format("{}mode {}: `{}`, within {} % (median; 95 % of exchanges within {} %)", separator,
                        mode, a->model, s.percent(100 * a->median_error, 0, "nearest_rule_percent", of),
                        s.percent(100 * a->p95_error, 0, "rule_p95_percent", of));
        separator = "; ";
    }
    s.text += ".";
    sentences.push_back(std::move(s));
}

void say_sharing(Trace const& trace, std::vector<Sentence>& limits) {
    auto const ranks = integer_or(trace.root, "ranks", 1), cores = integer_or(trace.root, "cores", 0);
    auto const nodes = integer_or(trace.root, "nodes", 1);
    if (cores > 0 && ranks > cores * nodes) {
        Sentence s{"limit", "", {}};
        s.text = fmt::format(
            "{} ranks shared {} cores: ranks waited for a processor, so times scatter and say "
            "little of a machine with a core or GPU per rank. Ratios within this run are what "
            "counts.",
            s.count(ranks, "ranks"), s.count(cores * nodes, "cores"));
        limits.push_back(std::move(s));
    }
    if (ranks == 1) {
        limits.push_back(
            {"limit", "One rank: nothing crossed between ranks; the exchange is a copy in memory.", {}});
    }
    if (trace.root.has("why_not_representative")) {
        limits.push_back({"limit",
                          fmt::format("Functional mode, times are not representative: {}.",
                                      trace.root.text("why_not_representative")),
                          {}});
    }
    for (auto const& model : trace.models) {
        if (integer_or(model, "synthetic", 0) == 0) continue;
        limits.push_back(
            {"limit",
             fmt::format("{} has made-up weights: volumes and times are real, its routing and output are "
                         "no trained model's.",
                         model.text("name")),
             {}});
    }
}

}  // namespace

CaseSummary const* clear_winner(Group const& group) {
    auto const* const baseline = group.baseline();
    if (baseline == nullptr) return nullptr;
    CaseSummary const* best = nullptr;
    for (auto const& one : group.cases) {
        if (!one.measured() || &one == baseline || one.is_bound || !one.is_usual()) continue;
        if (&one == group.twin()) continue;  // the baseline again: it shows the noise
        if (compare(one.charged_s, baseline->charged_s).verdict != Verdict::faster) continue;
        if (best == nullptr || one.p50.value < best->p50.value) best = &one;
    }
    return best;
}

std::vector<Sentence> say_answers(std::vector<Group> const& groups) {
    std::vector<Sentence> sentences;
    for (auto const& group : groups) {
        sentences.push_back(say_group(group));
        for (auto& more : say_alternatives(group)) sentences.push_back(std::move(more));
    }
    return sentences;
}

std::vector<Sentence> say_accuracy(std::vector<ModelAccuracy> const& accuracy,
                                   std::vector<Group> const& groups) {
    std::map<std::string, Sentence> of_model;
    for (auto const& a : accuracy) {
        if (!a.has_interval) continue;
        auto& s = of_model.try_emplace(a.model, Sentence{"prediction", "", {}}).first->second;
        auto const of = a.mode + "/" + a.model;
        s.text += fmt::format(
            "{}mode {}: within {} % (median over {} exchanges; 95 % of them within {} %; its 90 % interval "
            "held {} %)",
            s.text.empty() ? "" : "; ", a.mode,
            s.percent(100 * a.median_error, 0, "error_median_percent", of),
            s.count(static_cast<std::int64_t>(a.exchanges), "exchanges", of),
            s.percent(100 * a.p95_error, 0, "error_p95_percent", of),
            s.percent(100 * a.coverage, 0, "coverage_percent", of));
    }
    std::vector<Sentence> sentences;
    for (auto& [model, s] : of_model) {
        s.text =
            fmt::format("The model `{}`, {}, predicted the median exchange before any was timed, {}.", model,
                        model == "line" ? "fitted just before on other sizes and isolated exchanges"
                                        : "frozen before the run",
                        s.text);
        sentences.push_back(std::move(s));
        sentences.push_back(say_miss(worst_miss(groups, model), model));
    }
    if (!sentences.empty()) say_rules(accuracy, sentences);
    return sentences;
}

std::vector<Sentence> say_limits(Trace const& trace, std::vector<Group> const& groups) {
    std::vector<Sentence> limits;
    say_sharing(trace, limits);
    CaseSummary const* fewest = nullptr;
    for (auto const& group : groups) {
        for (auto const& one : group.cases) {
            if (one.measured() && (fewest == nullptr || one.exchange_s.size() < fewest->exchange_s.size()))
                fewest = &one;
            if (one.status == status::waived || one.status == status::failed)
                limits.push_back(
                    {"unmeasured", fmt::format("{}: {}: {}.", one.key, one.status, one.reason), {}});
            if (one.status == status::predicted)
                limits.push_back(
                    {"unmeasured", one.key + ": predicted, never measured: the run ended before.", {}});
        }
    }
    if (fewest != nullptr && fewest->exchange_s.size() < 1000) {
        Sentence s{"samples", "", {}};
        auto const n = static_cast<std::int64_t>(fewest->exchange_s.size());
        s.text = fmt::format("p99 rests on {} iterations: {}.", s.count(n, "samples", fewest->key),
                             n < 100 ? "it is the largest sample" : "few samples lie beyond it");
        limits.push_back(std::move(s));
    }
    return limits;
}

}  // namespace moewire
