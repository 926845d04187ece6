// Every token chooses one and the same expert, and its other experts evenly: the worst that a router can do.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "routing/imposed.hpp"

namespace moewire {
namespace {

std::size_t hot(ControlRequest const& r) {
    auto const expert = r.settings.whole("expert");
    if (expert < r.experts) return static_cast<std::size_t>(expert);
    throw usage_error(fmt::format("one_hot: expert {} of {}; use 0 to {}", expert, r.experts, r.experts - 1));
}

std::vector<double> shares(ControlRequest const& r) {
    double const all = static_cast<double>(r.top_k);
    double const rest = r.experts > 1 ? (all - 1) / all / (r.experts - 1) : 0;
    std::vector<double> shares(static_cast<std::size_t>(r.experts), rest);
    shares[hot(r)] = 1 / all;
    return shares;
}

Routing route(ControlRequest const& r) {
    return impose_shares(r, [&](std::size_t) { return shares(r); });
}

std::string self_check(ControlRequest const& r, Routing const& routing) {
    return check_layers(routing, [&](std::vector<std::int64_t> const& counts) {
        return counts[hot(r)] == r.tokens
                   ? std::string()
                   : fmt::format("{} of {} tokens chose the hot expert", counts[hot(r)], r.tokens);
    });
}

bool const registered =
    register_in<Control>("one_hot", "Every token chooses one and the same expert.",
                         {route, self_check, {whole_setting("expert", 0, 0, 1 << 20, "The hot expert")}});

}  // namespace
}  // namespace moewire
