#include "report/telling.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/show.hpp"
#include "report/alternatives.hpp"
#include "report/sentences.hpp"
#include "report/slope.hpp"

namespace moewire {
namespace {

// Of whom a group speaks: who is clearly fastest, else the baseline, else the least median.
CaseSummary const* leader(Group const& group) {
    auto const* const winner = clear_winner(group);
    if (winner != nullptr) return winner;
    return group.baseline() != nullptr ? group.baseline() : group.fastest();
}

// By chance alone somebody is last, and ranks of one host by little.
bool is_late(CaseSummary const& one) {
    auto const& late = one.lateness;
    double const often = std::min(3 / static_cast<double>(late.ranks), 0.9);
    auto const exchanges = 2 * static_cast<double>(one.layer_p50_s.size());
    return late.share >= often && late.behind_s * exchanges >= 0.1 * one.p50.value;
}

}  // namespace

std::vector<Sentence> say_quality(std::vector<Group> const& groups) {
    std::vector<Sentence> sentences;
    std::set<std::string> seen;
    for (auto const& group : groups) {
        auto const* const one = leader(group);
        if (one == nullptr || one->perplexity <= 0 || !seen.insert(group.model + "\n" + group.dataset).second)
            continue;
        Sentence s{"cost", "", {}};
        s.text = fmt::format(
            "{} on {}: no placement changes the output; perplexity is {} under all of them.", group.model,
            group.dataset,
            s.cite(fmt::format("{:.4f}", one->perplexity), one->perplexity, "perplexity", one->key));
        sentences.push_back(std::move(s));
    }
    return sentences;
}

std::vector<Sentence> say_binding(std::vector<Group> const& groups) {
    std::vector<Sentence> sentences;
    for (auto const& group : groups) {
        auto const* const one = leader(group);
        if (one == nullptr || one->binding.ranks < 2) continue;
        Sentence s{"binding", "", {}};
        s.text = fmt::format(
            "{}: under {}, rank {} ends last in {} % of the exchanges (an even share is {} %)", where(group),
            one->label(), s.count(static_cast<std::int64_t>(one->binding.rank), "binding_rank", one->key),
            s.percent(100 * one->binding.share, 0, "binding_percent", one->key),
            s.percent(100.0 / static_cast<double>(one->binding.ranks), 0, "even_percent", one->key));
        if (!one->binding.resource.empty())
            s.text += fmt::format("; of the described machine, {} carries the most for what it can",
                                  one->binding.resource);
        s.text += ".";
        sentences.push_back(std::move(s));
    }
    return sentences;
}

std::vector<Sentence> say_late(std::vector<Group> const& groups) {
    std::vector<Sentence> sentences;
    for (auto const& group : groups) {
        auto const* const one = leader(group);
        if (one == nullptr || one->lateness.ranks < 2) continue;
        auto const& late = one->lateness;
        if (!late.made && !is_late(*one)) continue;
        Sentence s{"late", "", {}};
        s.text = fmt::format(
            "{}: under {}, rank {} comes last to {} % of the exchanges, {} after the one before it at the "
            "median",
            where(group), one->label(), s.count(static_cast<std::int64_t>(late.rank), "late_rank", one->key),
            s.percent(100 * late.share, 0, "late_percent", one->key),
            s.seconds(late.behind_s, "late_behind_s", one->key));
        if (late.made) {
            s.text +=
                fmt::format("; rank {} was made {} late on purpose",
                            s.count(static_cast<std::int64_t>(late.made->rank), "made_late_rank", one->key),
                            s.seconds(late.made->by_s, "made_late_s", one->key));
        }
        s.text += ".";
        sentences.push_back(std::move(s));
    }
    return sentences;
}

std::vector<Sentence> say_slopes(std::vector<Group> const& groups) {
    std::vector<Sentence> sentences;
    for (auto const& group : groups) {
        auto const line = fit_imbalance(layer_points(group));
        auto const* const one = leader(group);
        if (!line || one == nullptr) continue;
        Sentence s{"slope", "", {}};
        auto const tenth = [&](double slope_s, char const* name) {
            return s.cite(show_seconds(slope_s / 10), slope_s / 10, name, one->key);
        };
        s.text = fmt::format(
            "{}: each tenth that the busiest rank receives above the mean adds {} (95 %: {} to {}) to the "
            "two exchanges of "
            "a layer, over {} layers of all placements{}.",
            where(group), tenth(line->slope.value, "slope_tenth_s"),
            tenth(line->slope.low, "slope_low_tenth_s"), tenth(line->slope.high, "slope_high_tenth_s"),
            s.count(static_cast<std::int64_t>(line->points), "slope_points", one->key),
            line->slope.low <= 0 && line->slope.high >= 0 ? "; that may be nothing" : "");
        sentences.push_back(std::move(s));
    }
    return sentences;
}

Sentence say_headline(std::vector<Group> const& groups) {
    Sentence s{"headline", "", {}};
    std::int64_t measured = 0, won = 0;
    Group const* best = nullptr;
    CaseSummary const* of_best = nullptr;
    Comparison most;
    for (auto const& group : groups) {
        if (group.fastest() == nullptr) continue;
        ++measured;
        auto const* const winner = clear_winner(group);
        if (winner == nullptr) continue;
        ++won;
        auto const compared = compare(winner->charged_s, group.baseline()->charged_s);
        if (best == nullptr || compared.ratio.value < most.ratio.value)
            best = &group, of_best = winner, most = compared;
    }
    if (measured == 0) return s;
    auto const counted = [&](std::int64_t n, char const* name) { return s.count(n, name); };
    if (best == nullptr) {
        s.text = fmt::format(
            "In none of {} measured comparisons does a placement beat `contiguous` beyond the noise.",
            counted(measured, "groups_measured"));
        return s;
    }
    s.text = fmt::format(
        "In {} of {} measured comparisons a placement beats `contiguous` beyond the noise; the largest gain "
        "is that of {} ({}): "
        "{}.",
        counted(won, "groups_won"), counted(measured, "groups_measured"), of_best->strategy, where(*best),
        s.comparison(most, *of_best, *best->baseline()));
    return s;
}

}  // namespace moewire
