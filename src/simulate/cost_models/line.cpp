// One straight line, fitted on this machine just before (Hockney 1994): the least that a model must beat.
#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "simulate/cost_model.hpp"
#include "traffic/traffic.hpp"

namespace moewire {
namespace {

Prediction predict(Scenario const& scenario, ModelParameters const& parameters) {
    if (!parameters.line) {
        throw unavailable("simulate",
                          "the model 'line' has no parameters (no calibration was run); calibrate first, "
                          "or leave the model out");
    }
    Line const& line = *parameters.line;
    auto const bound = resource_bound(scenario);
    auto const busiest_bytes = port_load(scenario.bytes).busiest_bytes();
    // A line fitted to noisy times may dip below what the machine can do; a prediction may not.
    double const time_s = std::max(
        line.latency_s + static_cast<double>(busiest_bytes) / line.bandwidth_bytes_per_s, bound.time_s);
    bool const inside = busiest_bytes >= line.least_bytes && busiest_bytes <= line.most_bytes;
    Prediction prediction;
    prediction.time_s = time_s;
    prediction.low_s = std::max(time_s * std::exp(-line.log_radius), bound.time_s);
    prediction.high_s = time_s * std::exp(line.log_radius);
    prediction.bound_s = bound.time_s;
    prediction.binding_resource = bound.binding_resource;
    prediction.evidence = inside ? Evidence::calibrated : Evidence::extrapolated;
    return prediction;
}

bool const registered = register_in<CostModel>(
    "line", "Latency + busiest port's bytes / bandwidth, fitted to a short sweep on this machine.",
    {predict, {.floor_s = [](ModelParameters const& parameters) { return parameters.line->latency_s; }}});

}  // namespace
}  // namespace moewire
