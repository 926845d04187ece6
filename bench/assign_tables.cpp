#include <algorithm>

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

// Least and largest rise in perplexity of one policy over all texts, in percent; nothing when it was not
// tried.
std::vector<double> rises(Json const& results, std::string const& policy) {
    std::vector<double> all;
    auto const domains = domains_of(results);  // named: a loop over a temporary's items outlives it
    for (auto const& [dataset, domain] : domains.items()) {
        if (domain.contains(policy))
            all.push_back(domain[policy]["perplexity_increase_percent"].get<double>());
    }
    std::sort(all.begin(), all.end());
    return all;
}

void expect_rise(Json const& results, std::string const& policy, double least, double most,
                 std::string const& expected, std::vector<std::vector<std::string>>& rows) {
    auto const found = rises(results, policy);
    if (found.empty()) return;
    bool const inside = found.front() >= least && found.back() <= most;
    auto const range = found.size() == 1 ? fmt::format("{:+.1f} %", found.front())
                                         : fmt::format("{:+.1f} to {:+.1f} %", found.front(), found.back());
    rows.push_back({expected, range, inside ? "confirmed" : "not found"});
}

}  // namespace

std::vector<std::vector<std::string>> policy_expectations(Json const& results) {
    std::vector<std::vector<std::string>> rows;
    expect_rise(results, "balanced", -1e9, 10, "Balanced assignment: perplexity up by about 5 %", rows);
    expect_rise(results, "random", 15, 20, "Random assignment: perplexity up by 15 to 20 %", rows);
    expect_rise(results, "round_robin", 5, 60, "Round-robin assignment: perplexity up by about half", rows);
    return rows;
}

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
