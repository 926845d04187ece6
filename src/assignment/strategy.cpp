#include "assignment/strategy.hpp"

#include <fmt/format.h>

#include "base/registry.hpp"

namespace moewire {

std::string_view name_of(Family family) {
    return family == Family::placement ? "placement" : "replication";
}

Assignment make_plan(std::string_view strategy, PlanRequest const& request) {
    auto const& entry = Registry<Strategy>::instance().at(strategy);
    if (request.demand.experts() < request.ranks) {
        throw usage_error(
            fmt::format("{} ranks for {} experts (a rank would hold no expert); start at most {} ranks",
                        request.ranks, request.demand.experts(), request.demand.experts()));
    }
    return entry.value.plan(request);
}

std::vector<std::int32_t> even_capacities(std::int32_t experts, int ranks) {
    std::vector<std::int32_t> capacities(static_cast<std::size_t>(ranks), experts / ranks);
    for (int rank = 0; rank < experts % ranks; ++rank) ++capacities[static_cast<std::size_t>(rank)];
    return capacities;
}

}  // namespace moewire
