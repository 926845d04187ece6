#include <fmt/format.h>

#include "base/show.hpp"
#include "bench/assigning.hpp"

namespace moewire {
namespace {

// One text alone lies on top.
Json domains_of(Json const& results) {
    if (results.contains("domains")) return results["domains"];
    Json one;
    one[results["configuration"]["dataset"].get<std::string>()] = results;
    return one;
}

}  // namespace

std::string assignment_table(Json const& results) {
    Table table({"text", "policy", "perplexity", "rise (95 %)", "verdict", "rerouted", "KL", "Gini before",
                 "after", "causal"});
    auto const domains = domains_of(results);  // named: a loop over a temporary's items outlives it
    for (auto const& [dataset, domain] : domains.items()) {
        for (auto const& [name, entry] : domain.items()) {
            auto const number = [&](char const* key) { return entry[key].get<double>(); };
            if (name == "baseline") {
                table.add({dataset, name, fmt::format("{:.4f}", number("perplexity")), "-", "-", "-", "-",
                           fmt::format("{:.3f}", entry["imbalance"]["average_gini"].get<double>()), "-",
                           "-"});
            } else if (entry.contains("verdict")) {
                table.add(
                    {dataset, name, fmt::format("{:.4f}", number("perplexity")),
                     fmt::format("{:+.1f} % ({:+.1f} to {:+.1f})", number("perplexity_increase_percent"),
                                 100 * (number("perplexity_ratio_low") - 1),
                                 100 * (number("perplexity_ratio_high") - 1)),
                     entry["verdict"], show_percent(number("share_rerouted")),
                     fmt::format("{:.4f}", number("logit_kl")),
                     fmt::format("{:.3f}", entry["imbalance_before"]["average_gini"].get<double>()),
                     fmt::format("{:.3f}", entry["imbalance"]["average_gini"].get<double>()),
                     entry["causal"].get<bool>() ? "yes" : "no"});
            }
        }
    }
    return table.text(TableStyle::plain);
}

}  // namespace moewire
