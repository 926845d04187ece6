// Popularity falls as rank^-exponent, cut at one choice a token; counts are imposed exactly.
#include <cmath>

#include "base/registry.hpp"
#include "routing/imposed.hpp"

namespace moewire {
namespace {

std::vector<double> shares(ControlRequest const& r, std::size_t layer) {
    std::vector<double> weights;
    for (int e = 0; e < r.experts; ++e) weights.push_back(std::pow(e + 1, -r.settings.number("exponent")));
    return in_order(capped_shares(std::move(weights), r.top_k), r, layer);
}

Routing route(ControlRequest const& r) {
    return impose_shares(r, [&](std::size_t layer) { return shares(r, layer); });
}

std::string self_check(ControlRequest const& r, Routing const& routing) {
    return check_shares(r, routing, [&](std::size_t layer) { return shares(r, layer); });
}

bool const registered = register_in<Control>(
    "zipf", "Expert popularity falls as a power of its rank.",
    {route,
     self_check,
     {number_setting("exponent", 1, 0, 20, "Power of the fall"), order_setting("shuffled")}});

}  // namespace
}  // namespace moewire
