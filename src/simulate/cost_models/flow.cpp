// NCCL's messages as flows that share what they cross, max-min, in NCCL's order: where does skew meet a
// narrow link, and for how long?
#include <algorithm>

#include "base/registry.hpp"
#include "simulate/cost_model.hpp"
#include "simulate/nccl_flows.hpp"

namespace moewire {
namespace {

Prediction predict(Scenario const& scenario, ModelParameters const& parameters) {
    NcclMachine const machine(scenario.topology, parameters.nccl);
    auto const bound = resource_bound(scenario);
    auto const exchange = nccl_exchange(scenario, machine.rules());
    double time_s = machine.with_launch_s(0);
    if (exchange.total_bytes > 0) {
        auto const plan = nccl_flows(scenario, machine, exchange);
        auto const moved = run_flows(plan.flows, plan.turns);
        time_s = machine.with_launch_s(machine.base_s(exchange.protocol) + moved.time_s);
    }
    time_s = std::max(time_s, bound.time_s);
    return {time_s, time_s, time_s, bound.time_s, bound.binding_resource, Evidence::assumed};
}

bool const registered = register_in<CostModel>(
    "flow",
    "Messages as max-min flows over all links of the described machine, in NCCL's order, uncalibrated.",
    {predict,
     {.floor_s = nccl_floor_s,
      .edges_bytes = nccl_edges_bytes,
      .anomaly = 0.1,
      .order = ModelTraits::Order::rounds}});

}  // namespace
}  // namespace moewire
