#include "simulate/cost_model.hpp"

#include "simulate/busiest.hpp"

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
        case Evidence::transferred:
            return "transferred";
    }
    return "assumed";
}

Bound busiest_of(Topology const& topology, std::vector<double> const& crossing_bytes) {
    auto const& resources = topology.resources();
    Bound bound{0, "none"};
    std::size_t busiest = resources.size();
    for (std::size_t i = 0; i < resources.size(); ++i) {
        double const time_s = crossing_bytes[i] / resources[i].capacity_bytes_per_s;
        if (time_s > bound.time_s) bound.time_s = time_s, busiest = i;
    }
    if (busiest < resources.size()) bound.binding_resource = resources[busiest].name;
    return bound;
}

Bound resource_bound(Scenario const& scenario) {
    return busiest_of(scenario.topology, scenario.topology.crossing_bytes(scenario.bytes));
}

}  // namespace moewire
