// NCCL without a calibration, in one pass over the matrix: launch, kernel by regime, busiest resource.
//
//   T = |launch, base + way + moved|_p + (batches - 1) x way
//   moved = max(bytes of a resource / its rate, bytes of a rank / all its channels, bytes of a message / its
//   channels)
//
// Protocol (LL sends every byte with a flag), channels, batches and what shares a channel follow from
// nccl_rules.hpp; costs from nccl_costs.hpp.
#include <algorithm>

#include "base/registry.hpp"
#include "simulate/busiest.hpp"
#include "simulate/cost_model.hpp"
#include "simulate/nccl_exchange.hpp"

namespace moewire {
namespace {

double longest_resource_s(std::vector<double> const& crossing_bytes,
                          std::vector<double> const& rates_bytes_per_s) {
    double longest_s = 0;
    for (std::size_t i = 0; i < crossing_bytes.size(); ++i)
        longest_s = std::max(longest_s, crossing_bytes[i] / rates_bytes_per_s[i]);
    return longest_s;
}

// Longer messages may get more channels, so that the longest need not last longest.
double longest_message_s(Scenario const& scenario, NcclMachine const& machine, int messages,
                         std::uint64_t most_bytes, double known_s) {
    auto const& rules = machine.rules();
    auto const lasts_s = [&](std::uint64_t bytes) {
        int const channels = rules.channels_of(bytes);
        auto const wire = bytes <= rules.most_ll_bytes() ? 2 * bytes : bytes;
        return static_cast<double>(wire) /
               machine.message_bytes_per_s(channels, rules.sharing(messages, channels));
    };
    double longest_s = std::max(known_s, lasts_s(most_bytes));
    auto const& edges = rules.edges_bytes();
    for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge)
        if (*edge < most_bytes && lasts_s(*edge) > longest_s)
            longest_s = std::max(longest_s, lasts_s(longest_message_up_to(scenario.bytes, *edge)));
    return longest_s;
}

Prediction predict(Scenario const& scenario, ModelParameters const& parameters) {
    NcclMachine const machine(scenario.topology, parameters.nccl);
    auto const& rules = machine.rules();
    std::vector<double> crossing;
    auto const exchange = nccl_exchange(scenario, rules, &crossing);
    // Own bytes cross nothing, so that without LL nothing was counted twice.
    auto const bound = exchange.has_ll ? resource_bound(scenario) : busiest_of(scenario.topology, crossing);
    double time_s = machine.with_launch_s(0);
    if (exchange.total_bytes > 0) {
        double moved_s = longest_resource_s(crossing, machine.rates_bytes_per_s());
        moved_s =
            std::max(moved_s, static_cast<double>(exchange.busiest_rank_bytes) / machine.rank_bytes_per_s());
        moved_s = longest_message_s(scenario, machine, exchange.messages, exchange.longest_bytes, moved_s);
        double const way_s = std::max(machine.hop_s(exchange.protocol), exchange.latency_s);
        int const batches = rules.batches(exchange.messages, rules.channels_of(exchange.longest_bytes));
        time_s = machine.with_launch_s(machine.base_s(exchange.protocol) + way_s + moved_s) +
                 (batches - 1) * way_s;
    }
    time_s = std::max(time_s, bound.time_s);
    return {time_s, time_s, time_s, bound.time_s, bound.binding_resource, Evidence::assumed};
}

bool const registered = register_in<CostModel>(
    "closed_form",
    "Launch, regime by NCCL's rules and busiest resource of the described machine, uncalibrated.",
    {predict, {.floor_s = nccl_floor_s, .edges_bytes = nccl_edges_bytes}});

}  // namespace
}  // namespace moewire
