#include "bench/study_notes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bench/arms.hpp"

namespace moewire {
namespace {

void add_policies(std::string const& text, Json const& results, Attributes& notes) {
    for (auto const& [policy, entry] : results.items()) {
        if (!entry.is_object() || !entry.contains("perplexity_ratio_low")) continue;
        auto const name = fmt::format("policy.{}.{}.perplexity_rise_", text, policy);
        notes[name + "percent"] = entry["perplexity_increase_percent"].get<double>();
        notes[name + "low_percent"] = 100 * (entry["perplexity_ratio_low"].get<double>() - 1);
        notes[name + "high_percent"] = 100 * (entry["perplexity_ratio_high"].get<double>() - 1);
    }
}

SeedLevel const* level_at(std::vector<SeedLevel> const& levels, double imbalance) {
    auto const found = std::find_if(levels.begin(), levels.end(),
                                    [&](SeedLevel const& level) { return level.imbalance == imbalance; });
    return found == levels.end() ? nullptr : &*found;
}

}  // namespace

Attributes policy_notes(Json const& results) {
    Attributes notes;
    if (results.is_null()) return notes;
    if (!results.contains("domains")) {
        add_policies(results["configuration"]["dataset"].get<std::string>(), results, notes);
        return notes;
    }
    for (auto const& [text, of_text] : results["domains"].items()) add_policies(text, of_text, notes);
    return notes;
}

Attributes finetune_notes(Json const& results) {
    if (results.is_null()) return {};
    auto const best = best_arm(results, results["dataset"].get<std::string>());
    if (!best) return {{"finetune.gini_change_percent", 0.0}};
    auto const &gini = best->gini_change_percent, &change = best->perplexity_change_percent;
    return {{"finetune.gini_change_percent", gini.value},
            {"finetune.gini_change_low_percent", gini.low},
            {"finetune.gini_change_high_percent", gini.high},
            {"finetune.perplexity_change_percent", change.value},
            {"finetune.perplexity_change_low_percent", change.low},
            {"finetune.perplexity_change_high_percent", change.high}};
}

Attributes simulation_notes(std::vector<SeedLevel> const& levels) {
    auto const *even = level_at(levels, 0), *uneven = level_at(levels, 0.5);
    if (even == nullptr || uneven == nullptr) return {};
    return {
        {"seed_study.time_rise_percent", 100 * (uneven->overall_max_time_s / even->overall_max_time_s - 1)}};
}

}  // namespace moewire
