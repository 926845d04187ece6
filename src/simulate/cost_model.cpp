#include "simulate/cost_model.hpp"

#include <vector>

#include "base/contract.hpp"

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
    MOEWIRE_EXPECT(scenario.bytes.extent(0) == static_cast<std::size_t>(topology.ranks()));
    auto const& resources = topology.resources();
    std::vector<double> crossing_bytes(resources.size());
    for (RankId const source : ids<RankId>(topology.ranks())) {
        for (RankId const destination : ids<RankId>(topology.ranks())) {
            auto const bytes = static_cast<double>(scenario.bytes(source, destination));
            for (auto const resource : topology.path(source, destination)) crossing_bytes[resource] += bytes;
        }
    }
    Bound bound{0, "none"};
    for (std::size_t i = 0; i < resources.size(); ++i) {
        double const time_s = crossing_bytes[i] / resources[i].capacity_bytes_per_s;
        if (time_s > bound.time_s) bound = {time_s, resources[i].name};
    }
    return bound;
}

}  // namespace moewire
