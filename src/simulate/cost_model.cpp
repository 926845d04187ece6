#include "simulate/cost_model.hpp"

namespace moewire {

std::string_view name_of(Evidence evidence) {
    switch (evidence) {
        case Evidence::bound:
            return "bound";
        case Evidence::assumed:
            return "assumed";
        case Evidence::calibrated:
            return "calibrated";
        case Evidence::extrapolated:
            return "extrapolated";
    }
    return "assumed";
}

Bound resource_bound(Scenario const& scenario) {
    auto const& topology = scenario.topology;
    auto const& resources = topology.resources();
    auto const crossing_bytes = topology.crossing_bytes(scenario.bytes);
    Bound bound{0, "none"};
    for (std::size_t i = 0; i < resources.size(); ++i) {
        double const time_s = crossing_bytes[i] / resources[i].capacity_bytes_per_s;
        if (time_s > bound.time_s) bound = {time_s, resources[i].name};
    }
    return bound;
}

}  // namespace moewire
