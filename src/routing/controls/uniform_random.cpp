// Distinct experts drawn at random for every token: what balance looks like with chance in it. At few tokens
// that is far from even; the noise floor says how far.
#include <cmath>

#include <fmt/format.h>

#include "base/registry.hpp"
#include "routing/imposed.hpp"

namespace moewire {
namespace {

Routing route(ControlRequest const& r) {
    Routing routing{r.experts, Grid<std::int32_t, 3>(r.layers, r.tokens, r.top_k)};
    for (std::size_t layer = 0; layer < r.layers; ++layer) {
        Random random(r.seed, fmt::format("uniform, layer {} of rank {}", layer, index_of(r.source)));
        for (std::int64_t token = 0; token < r.tokens; ++token) {
            auto const order = random.permutation(r.experts);
            std::copy_n(order.begin(), r.top_k, routing.picks.row(layer, token).begin());
        }
    }
    return routing;
}

// No expert strays further from its mean than six standard deviations.
std::string self_check(ControlRequest const& r, Routing const& routing) {
    double const p = static_cast<double>(r.top_k) / r.experts, n = static_cast<double>(r.tokens);
    double const mean = n * p, limit = 6 * std::sqrt(n * p * (1 - p)) + 1;
    return check_layers(routing, [&](std::vector<std::int64_t> const& counts) -> std::string {
        for (auto const count : counts) {
            if (std::abs(static_cast<double>(count) - mean) > limit)
                return fmt::format("an expert has {} tokens, {:.1f} +- {:.1f} expected", count, mean, limit);
        }
        return "";
    });
}

bool const registered = register_in<Control>(
    "uniform_random", "Distinct experts drawn uniformly for every token.", {route, self_check});

}  // namespace
}  // namespace moewire
