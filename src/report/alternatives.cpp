#include "report/alternatives.hpp"

#include <fmt/format.h>

#include "base/show.hpp"
#include "report/sentences.hpp"

namespace moewire {
namespace {

std::string say_policy(Group const& group, CaseSummary const& one, CaseSummary const& baseline) {
    auto text = fmt::format("{}: policy {} changes the output: {:.1f} % of the router's choices lost, ",
                            where(group), one.policy, 100 * one.rerouted_ratio);
    if (one.perplexity > 0 && baseline.perplexity > 0) {
        text += fmt::format("perplexity {:.4f} instead of {:.4f} ({:+.1f} %); ", one.perplexity,
                            baseline.perplexity, 100 * (one.perplexity / baseline.perplexity - 1));
    }
    text += fmt::format("exchanges {}", say_comparison(compare(one.charged_s, baseline.charged_s)));
    if (one.policy_scope == "whole_batch")
        text += "; it is not causal: later tokens change earlier ones' experts";
    return text + ".";
}

std::string say_payload(Group const& group, CaseSummary const& one, CaseSummary const& usual) {
    double const ratio = static_cast<double>(one.total_bytes) / static_cast<double>(usual.total_bytes);
    return fmt::format("{}: payload {} under {} moves {} a pass, {:.1f} % {} than per_expert; exchanges {}.",
                       where(group), one.payload, one.strategy,
                       show_bytes(static_cast<double>(one.total_bytes)), 100 * std::abs(1 - ratio),
                       ratio <= 1 ? "less" : "more", say_comparison(compare(one.charged_s, usual.charged_s)));
}

std::string say_twin(Group const& group, CaseSummary const& twin, CaseSummary const& baseline) {
    auto const comparison = compare(twin.charged_s, baseline.charged_s);
    bool const inside = comparison.verdict == Verdict::cannot_tell;
    return fmt::format(
        "{}: noise: `contiguous` under a second name differs from itself by {:+.1f} % at the median (95 %: "
        "{:+.1f} "
        "to {:+.1f} %), {}.",
        where(group), 100 * (comparison.ratio.value - 1), 100 * (comparison.ratio.low - 1),
        100 * (comparison.ratio.high - 1),
        inside ? "which holds no difference, as it should"
               : "which should hold no difference and does not: differences of this size mean nothing here");
}

std::string say_spread(Group const& group, CaseSummary const& one) {
    auto const& s = one.spread_s;
    return fmt::format(
        "{}: placement random is one draw: over {} seeds the model `{}` predicts {} to {}, {} at the median.",
        where(group), s.size(), one.spread_model, show_seconds(s.front()), show_seconds(s.back()),
        show_seconds(median(s)));
}

std::string say_bound(Group const& group, CaseSummary const& one, CaseSummary const& baseline) {
    return fmt::format(
        "{}: the bound {} (planned from the very batch, weights in place: no slots even ranks better) is {}.",
        where(group), one.strategy, say_comparison(compare(one.charged_s, baseline.charged_s)));
}

}  // namespace

std::string where(Group const& group) {
    std::string text = fmt::format("{} on {}", group.model, group.dataset);
    if (group.plan_dataset != group.dataset) text += fmt::format(" (planned on {})", group.plan_dataset);
    return text + fmt::format(", mode {}", group.mode);
}

std::vector<std::string> say_alternatives(Group const& group) {
    std::vector<std::string> sentences;
    auto const* const baseline = group.baseline();
    for (auto const& one : group.cases) {
        if (!one.measured()) continue;
        if (!one.spread_s.empty() && one.is_usual()) sentences.push_back(say_spread(group, one));
        if (baseline == nullptr) continue;
        if (one.is_bound && one.is_usual()) sentences.push_back(say_bound(group, one, *baseline));
        if (one.policy != "native" && one.strategy == "contiguous" && one.payload == "per_expert")
            sentences.push_back(say_policy(group, one, *baseline));
        auto const* const usual = group.find(one.strategy, one.policy, "per_expert");
        if (one.payload != "per_expert" && one.policy == "native" && usual != nullptr)
            sentences.push_back(say_payload(group, one, *usual));
    }
    if (baseline != nullptr && group.twin() != nullptr)
        sentences.push_back(say_twin(group, *group.twin(), *baseline));
    return sentences;
}

}  // namespace moewire
