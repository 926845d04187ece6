// A power law whose expert loads have just the asked Gini coefficient: the seed study's imbalance level. By
// default the hottest experts come first and share ranks, as there.
#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "routing/imbalance.hpp"
#include "routing/imposed.hpp"

namespace moewire {
namespace {

std::vector<double> power_law(ControlRequest const& r, double exponent) {
    std::vector<double> weights;
    for (int e = 0; e < r.experts; ++e) weights.push_back(std::exp(-exponent * std::log(e + 1.0)));
    return capped_shares(std::move(weights), r.top_k);
}

std::vector<double> shares(ControlRequest const& r, std::size_t layer) {
    double const target = r.settings.number("level");
    double const largest = 1 - static_cast<double>(r.top_k) / r.experts;
    if (target > largest) {
        throw usage_error(
            fmt::format("gini: a level of {} cannot be reached (a token's {} experts differ, so {} experts "
                        "allow {:.4g} at "
                        "most); use less",
                        target, r.top_k, r.experts, largest));
    }
    double low = 0, high = 1;
    while (gini_of(power_law(r, high)) < target && high < 1e4) high *= 2;
    for (int i = 0; i < 200; ++i) {
        double const middle = (low + high) / 2;
        (gini_of(power_law(r, middle)) < target ? low : high) = middle;
    }
    return in_order(power_law(r, target == 0 ? 0 : high), r, layer);
}

Routing route(ControlRequest const& r) {
    return impose_shares(r, [&](std::size_t layer) { return shares(r, layer); });
}

// To the rounding of whole tokens: each count may be off by one.
std::string self_check(ControlRequest const& r, Routing const& routing) {
    double const target = r.settings.number("level");
    double const tolerance = static_cast<double>(r.experts) / static_cast<double>(r.tokens * r.top_k) + 1e-6;
    return check_layers(routing, [&](std::vector<std::int64_t> const& counts) -> std::string {
        double const got = imbalance_of(counts).gini;
        return std::abs(got - target) <= tolerance ? "" : fmt::format("Gini is {:.4f}", got);
    });
}

bool const registered = register_in<Control>(
    "gini", "Expert loads with a given Gini coefficient, the seed study's imbalance level.",
    {route,
     self_check,
     {number_setting("level", 0.5, 0, 1, "Gini coefficient of expert loads"), order_setting("sorted")}});

}  // namespace
}  // namespace moewire
