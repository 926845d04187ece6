// Log-normal popularity whose spread is set so that the busiest expert has just 1 + maxvio times the mean:
// the shape that fits DeepSeek-V3's loads (deepseek-ai/DeepEP, pull request 393).
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "routing/imbalance.hpp"
#include "routing/imposed.hpp"

namespace moewire {
namespace {

std::vector<double> shares_at(std::vector<double> const& normal, double spread) {
    double const most = *std::max_element(normal.begin(), normal.end());
    std::vector<double> shares;
    double total = 0;
    for (double const z : normal) total += shares.emplace_back(std::exp(spread * (z - most)));
    for (double& share : shares) share /= total;
    return shares;
}

std::vector<double> shares(ControlRequest const& r, std::size_t layer) {
    double const target = (1 + r.settings.number("maxvio")) / r.experts;
    if (target * static_cast<double>(r.top_k) > 1) {
        throw usage_error(fmt::format(
            "lognormal: MaxVio {} cannot be reached (a token chooses an expert once, so {} experts and top "
            "{} "
            "allow {:.4g} at most); use less",
            r.settings.number("maxvio"), r.experts, r.top_k, r.experts / static_cast<double>(r.top_k) - 1));
    }
    Random random(r.seed, fmt::format("lognormal, layer {}", layer));
    std::vector<double> normal;
    for (int e = 0; e < r.experts; ++e) {
        double const u = 1 - random.uniform(), v = random.uniform();
        normal.push_back(std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v));
    }
    double low = 0, high = 1;
    auto const most = [&](double spread) {
        auto const s = shares_at(normal, spread);
        return *std::max_element(s.begin(), s.end());
    };
    while (most(high) < target && high < 1e6) high *= 2;
    for (int i = 0; i < 200; ++i) {
        double const middle = (low + high) / 2;
        (most(middle) < target ? low : high) = middle;
    }
    return shares_at(normal, (low + high) / 2);
}

Routing route(ControlRequest const& r) {
    return impose_shares(r, [&](std::size_t layer) { return shares(r, layer); });
}

// To the rounding of whole tokens.
std::string self_check(ControlRequest const& r, Routing const& routing) {
    double const target = r.settings.number("maxvio");
    double const mean = static_cast<double>(r.tokens * r.top_k) / r.experts;
    return check_layers(routing, [&](std::vector<std::int64_t> const& counts) -> std::string {
        double const got = imbalance_of(counts).max_over_mean - 1;
        return std::abs(got - target) <= 1 / mean + 1e-9 ? "" : fmt::format("MaxVio is {:.4f}", got);
    });
}

bool const registered = register_in<Control>(
    "lognormal", "Log-normal popularity at a target MaxVio (busiest over mean, less one).",
    {route, self_check, {number_setting("maxvio", 1, 0, 1e6, "Busiest expert over the mean, less one")}});

}  // namespace
}  // namespace moewire
