#include "report/alternatives.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/show.hpp"
#include "report/sentences.hpp"

namespace moewire {
namespace {

Sentence say_policy(Group const& group, CaseSummary const& one, CaseSummary const& baseline) {
    Sentence s{"cost", "", {}};
    s.text =
        fmt::format("{}: policy {} changes the output: {} % of the router's choices lost, ", where(group),
                    one.policy, s.percent(100 * one.rerouted_ratio, 1, "rerouted_percent", one.key));
    if (one.perplexity > 0 && baseline.perplexity > 0) {
        double const rise_percent = 100 * (one.perplexity / baseline.perplexity - 1);
        s.text +=
            fmt::format("perplexity {} instead of {} ({} %); ",
                        s.cite(fmt::format("{:.4f}", one.perplexity), one.perplexity, "perplexity", one.key),
                        s.cite(fmt::format("{:.4f}", baseline.perplexity), baseline.perplexity, "perplexity",
                               baseline.key),
                        s.cite(fmt::format("{:+.1f}", rise_percent), rise_percent, "perplexity_rise_percent",
                               one.key, baseline.key));
    }
    s.text += "exchanges " + s.comparison(compare(one.charged_s, baseline.charged_s), one, baseline);
    if (one.policy_scope == "whole_batch")
        s.text += "; it is not causal: later tokens change earlier ones' experts";
    s.text += ".";
    return s;
}

Sentence say_payload(Group const& group, CaseSummary const& one, CaseSummary const& usual) {
    Sentence s{"payload", "", {}};
    double const ratio = static_cast<double>(one.total_bytes) / static_cast<double>(usual.total_bytes);
    auto const bytes = static_cast<double>(one.total_bytes);
    s.text = fmt::format(
        "{}: payload {} under {} moves {} a pass, {} % {} than per_expert; exchanges {}.", where(group),
        one.payload, one.strategy, s.cite(show_bytes(bytes), bytes, "total_bytes", one.key),
        s.percent(100 * std::abs(1 - ratio), 1, "bytes_apart_percent", one.key, usual.key),
        ratio <= 1 ? "less" : "more", s.comparison(compare(one.charged_s, usual.charged_s), one, usual));
    return s;
}

Sentence say_twin(Group const& group, CaseSummary const& twin, CaseSummary const& baseline) {
    Sentence s{"twin", "", {}};
    auto const comparison = compare(twin.charged_s, baseline.charged_s);
    bool const inside = comparison.verdict == Verdict::cannot_tell;
    auto const off = [&](double ratio, char const* quantity) {
        return s.cite(fmt::format("{:+.1f}", 100 * (ratio - 1)), 100 * (ratio - 1), quantity, twin.key,
                      baseline.key);
    };
    s.text = fmt::format(
        "{}: noise: `contiguous` under a second name differs from itself by {} % at the median (95 %: {} to "
        "{} "
        "%), {}.",
        where(group), off(comparison.ratio.value, "off_percent"),
        off(comparison.ratio.low, "off_low_percent"), off(comparison.ratio.high, "off_high_percent"),
        inside ? "which holds no difference, as it should"
               : "which should hold no difference and does not: differences of this size mean nothing here");
    return s;
}

Sentence say_spread(Group const& group, CaseSummary const& one) {
    Sentence s{"spread", "", {}};
    auto const& all = one.spread_s;
    s.text = fmt::format(
        "{}: placement random is one draw: over {} seeds the model `{}` predicts {} to {}, {} at the median.",
        where(group), s.count(static_cast<std::int64_t>(all.size()), "spread_seeds", one.key),
        one.spread_model, s.seconds(all.front(), "spread_least_s", one.key),
        s.seconds(all.back(), "spread_most_s", one.key), s.seconds(median(all), "spread_median_s", one.key));
    return s;
}

Sentence say_bound(Group const& group, CaseSummary const& one, CaseSummary const& baseline) {
    Sentence s{"bound", "", {}};
    s.text = fmt::format(
        "{}: the bound {} (planned from the very batch, weights in place: no slots even ranks better) is {}.",
        where(group), one.strategy, s.comparison(compare(one.charged_s, baseline.charged_s), one, baseline));
    return s;
}

}  // namespace

std::string where(Group const& group) {
    std::string text = fmt::format("{} on {}", group.model, group.dataset);
    if (group.plan_dataset != group.dataset) text += fmt::format(" (planned on {})", group.plan_dataset);
    return text + fmt::format(", mode {}", group.mode);
}

std::vector<Sentence> say_alternatives(Group const& group) {
    std::vector<Sentence> sentences;
    auto const* const baseline = group.baseline();
    for (auto const& one : group.cases) {
        if (!one.measured()) continue;
        if (!one.spread_s.empty() && one.is_usual()) sentences.push_back(say_spread(group, one));
        if (baseline == nullptr) continue;
        if (one.is_bound && one.is_usual()) sentences.push_back(say_bound(group, one, *baseline));
        if (one.policy != "native" && one.strategy == "contiguous" && one.payload == "per_expert")
            sentences.push_back(say_policy(group, one, *baseline));
        auto const* const usual = group.find(one.strategy, one.policy, "per_expert");
        if (one.payload != "per_expert" && one.policy == "native" && usual != nullptr &&
            usual->total_bytes > 0)
            sentences.push_back(say_payload(group, one, *usual));
    }
    if (baseline != nullptr && group.twin() != nullptr)
        sentences.push_back(say_twin(group, *group.twin(), *baseline));
    return sentences;
}

}  // namespace moewire
