// The course study's flat network: every GPU takes latency + max(sent, received) / bandwidth, the slowest
// counts. Never changed: golden figures rest on it.
#include <algorithm>

#include "base/registry.hpp"
#include "simulate/cost_model.hpp"
#include "traffic/traffic.hpp"

namespace moewire {
namespace {

Prediction predict(Scenario const& scenario, ModelParameters const& parameters) {
    auto const bound = resource_bound(scenario);
    double const busiest_bytes = static_cast<double>(port_load(scenario.bytes).busiest_bytes());
    double const time_s = parameters.seed.latency_s + busiest_bytes / parameters.seed.bandwidth_bytes_per_s;
    return {time_s, time_s, time_s, bound.time_s, bound.binding_resource, Evidence::assumed};
}

bool const registered = register_in<CostModel>(
    "seed", "The seed study's flat network: latency + max(sent, received) / bandwidth of the slowest GPU.",
    {predict, {.floor_s = [](ModelParameters const& parameters) { return parameters.seed.latency_s; }}});

}  // namespace
}  // namespace moewire
