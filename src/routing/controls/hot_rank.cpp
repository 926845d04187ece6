// One rank's experts get a given share of all choices, the others the rest, both evenly: one port is the
// bottleneck.
#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "routing/imposed.hpp"

namespace moewire {
namespace {

RankId hot(ControlRequest const& r) {
    auto const rank = r.settings.whole("rank");
    if (rank < r.ranks) return make_id<RankId>(rank);
    throw usage_error(fmt::format("hot_rank: rank {} of {}; use 0 to {}", rank, r.ranks, r.ranks - 1));
}

std::vector<double> shares(ControlRequest const& r) {
    auto const [begin, end] = block_of(hot(r), r.experts, r.ranks);
    auto const others = r.experts - (end - begin);
    double const share = others == 0 ? 1 : r.settings.number("share");
    double const cap = 1 / static_cast<double>(r.top_k);
    double const each = share / (end - begin), rest = others == 0 ? 0 : (1 - share) / others;
    if (each > cap * (1 + 1e-12) || rest > cap * (1 + 1e-12)) {
        throw usage_error(fmt::format(
            "hot_rank: a share of {} cannot be met (a token chooses an expert once, so {} experts take "
            "{:.4g} "
            "to {:.4g} of the choices); use a share between",
            share, end - begin, std::max(0.0, 1 - others * cap), std::min(1.0, (end - begin) * cap)));
    }
    std::vector<double> shares(static_cast<std::size_t>(r.experts), rest);
    std::fill(shares.begin() + begin, shares.begin() + end, each);
    return shares;
}

Routing route(ControlRequest const& r) {
    return impose_shares(r, [&](std::size_t) { return shares(r); });
}

std::string self_check(ControlRequest const& r, Routing const& routing) {
    auto const [begin, end] = block_of(hot(r), r.experts, r.ranks);
    double const share = end - begin == r.experts ? 1 : r.settings.number("share");
    auto const all = static_cast<double>(r.tokens * r.top_k);
    return check_layers(routing, [&, begin = begin, end = end](std::vector<std::int64_t> const& counts) {
        double got = 0;
        for (auto e = begin; e < end; ++e) got += static_cast<double>(counts[static_cast<std::size_t>(e)]);
        // Each expert's count is rounded.
        bool const near = std::abs(got - share * all) <= end - begin;
        return near ? std::string() : fmt::format("the rank gets {:.4f} of the choices", got / all);
    });
}

bool const registered =
    register_in<Control>("hot_rank", "One rank's experts get a given share of all choices.",
                         {route,
                          self_check,
                          {number_setting("share", 0.5, 0, 1, "Share of the hot rank"),
                           whole_setting("rank", 0, 0, 1 << 20, "The hot rank")}});

}  // namespace
}  // namespace moewire
