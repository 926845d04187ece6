// The closed form whose numbers `moewire calibrate` fitted and froze.
#include "simulate/calibrated.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "simulate/cost_model.hpp"

namespace moewire {
namespace {

Prediction predict(Scenario const& scenario, ModelParameters const& parameters) {
    if (!parameters.calibrated) {
        throw unavailable(
            "simulate",
            "the model 'calibrated' has no parameters (no calibration was named); run `moewire calibrate` "
            "and name its file, or leave the model out");
    }
    auto const& model = *parameters.calibrated;
    auto const bound = resource_bound(scenario);
    auto const load = load_of(scenario, model.limits);
    auto const& trust = model.trust_in(load);
    double const widening = model.widening(load), radius = trust.log_radius_90 * widening;
    Prediction p;
    p.time_s = std::max(model.time_s(load), bound.time_s);
    // Not cut at the bound: a transfer is counted from the last rank's entry, and the others have begun by
    // then.
    p.low_s = p.time_s * std::exp(-radius);
    p.high_s = p.time_s * std::exp(radius);
    p.bound_s = bound.time_s;
    p.binding_resource = bound.binding_resource;
    p.evidence = model.is_carried ? Evidence::transferred
                 : widening > 1   ? Evidence::extrapolated
                                  : Evidence::calibrated;
    p.p99_s = p.time_s * (1 + trust.tail_ratio) + trust.tail_s;
    return p;
}

bool const registered = register_in<CostModel>(
    "calibrated",
    "Floor, messages by MPI's regimes and the busiest of every road, as frozen by `moewire calibrate`.",
    {predict,
     {.floor_s = [](ModelParameters const& parameters) { return parameters.calibrated->time_s({}); },
      // Short messages go another way than long ones, and either may cost more.
      .edges_bytes =
          [](Topology const&, ModelParameters const& parameters) {
              auto const edges = edges_of(parameters.calibrated->limits);
              return std::vector<std::uint64_t>(edges.begin(), edges.end());
          }}});

}  // namespace
}  // namespace moewire
