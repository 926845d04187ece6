#include <cmath>

#include <fmt/format.h>

#include "bench/arms.hpp"

namespace moewire {
namespace {

constexpr char const* without_loss = "zero";
constexpr double confidence = 0.95;

double percent_of(double nll_difference) {
    return 100 * std::expm1(nll_difference);
}

// Windows are the same in both arms: their differences are resampled.
Interval perplexity_change(Json const& arm, Json const& zero) {
    auto const ours = arm["nll_of_window"].get<std::vector<double>>();
    auto const theirs = zero["nll_of_window"].get<std::vector<double>>();
    std::vector<double> differences;
    for (std::size_t i = 0; i < ours.size(); ++i) differences.push_back(ours[i] - theirs[i]);
    auto const found = bootstrap_mean(differences, confidence, 0);
    Interval change = found;
    change.value = percent_of(found.value);
    change.low = percent_of(found.low);
    change.high = percent_of(found.high);
    return change;
}

// The change of a Gini, whose windows are the same in both arms: resampled over the jackknife's pseudo-values
// of its logarithm. Source: Efron & Tibshirani, An Introduction to the Bootstrap, section 11.5.
Interval gini_change(Json const& arm, Json const& zero) {
    auto const ours = arm["gini_without_window"].get<std::vector<double>>();
    auto const theirs = zero["gini_without_window"].get<std::vector<double>>();
    double const all = std::log(arm["hard_gini"].get<double>() / zero["hard_gini"].get<double>());
    auto const n = static_cast<double>(ours.size());
    std::vector<double> pseudo_values;
    for (std::size_t i = 0; i < ours.size(); ++i)
        pseudo_values.push_back(n * all - (n - 1) * std::log(ours[i] / theirs[i]));
    auto const found = bootstrap_mean(pseudo_values, confidence, 0);
    Interval change;
    change.value = percent_of(all);
    change.low = percent_of(found.low);
    change.high = percent_of(found.high);
    return change;
}

}  // namespace

std::optional<BestArm> best_arm(Json const& results, std::string const& dataset) {
    auto const& arms = results["arms"];
    auto const& zero = arms[without_loss]["datasets"][dataset];
    double const without = zero["hard_gini"];
    std::optional<BestArm> best;
    double least = without;
    for (auto const& [name, arm] : arms.items()) {
        auto const& figures = arm["datasets"][dataset];
        double const gini = figures["hard_gini"];
        if (arm["loss"].get<std::string>().empty() || gini >= least) continue;
        least = gini;
        best = BestArm{name, gini_change(figures, zero), perplexity_change(figures, zero)};
    }
    return best;
}

std::string arms_answer(Json const& results) {
    std::string text;
    for (auto const& item : results["arms"][without_loss]["datasets"].items()) {
        auto const best = best_arm(results, item.key());
        text += fmt::format("{}: expected a Gini 20 to 40 % lower at similar perplexity; found ", item.key());
        if (!best) {
            text += "none lower than without a balance loss\n";
            continue;
        }
        auto const& gini = best->gini_change_percent;
        auto const& change = best->perplexity_change_percent;
        text += fmt::format(
            "{:+.1f} % (95 %: {:+.1f} to {:+.1f}; {}), at {:+.2f} % perplexity (95 %: {:+.2f} to {:+.2f})\n",
            gini.value, gini.low, gini.high, best->name, change.value, change.low, change.high);
    }
    return text;
}

}  // namespace moewire
