// Blocks of consecutive experts: what every system does unless told otherwise, hence the baseline.
#include "assignment/strategy.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

Planned plan(PlanRequest const& request) {
    auto const capacities = even_capacities(request.demand.experts(), request.ranks);
    Grid<std::int32_t, 2> ranks(request.demand.layers(), static_cast<std::size_t>(request.demand.experts()));
    for (std::size_t layer = 0; layer < request.demand.layers(); ++layer) {
        std::size_t expert = 0;
        for (std::size_t rank = 0; rank < capacities.size(); ++rank) {
            for (int slot = 0; slot < capacities[rank]; ++slot) {
                ranks(layer, expert++) = static_cast<std::int32_t>(rank);
            }
        }
    }
    return {Assignment::from_expert_ranks(ranks, request.ranks)};
}

bool const registered =
    register_in<Strategy>("contiguous", "Consecutive experts in equal blocks; the baseline.",
                          {.family = Family::placement, .plan = plan});

}  // namespace
}  // namespace moewire
