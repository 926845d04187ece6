// A random permutation of the experts of each layer, dealt in equal blocks: a control, which beats the
// baseline only by luck. One seed is one draw; a claim about it needs many.
#include "base/random.hpp"

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

Planned plan(PlanRequest const& request) {
    auto const capacities = even_capacities(request.demand.experts(), request.ranks);
    Grid<std::int32_t, 2> ranks(request.demand.layers(), static_cast<std::size_t>(request.demand.experts()));
    for (std::size_t layer = 0; layer < request.demand.layers(); ++layer) {
        auto const order = Random(request.seed, fmt::format("placement:random layer {}", layer))
                               .permutation(request.demand.experts());
        std::size_t next = 0;
        for (std::size_t rank = 0; rank < capacities.size(); ++rank) {
            for (int slot = 0; slot < capacities[rank]; ++slot) {
                ranks(layer, order[next++]) = static_cast<std::int32_t>(rank);
            }
        }
    }
    return {Assignment::from_expert_ranks(ranks, request.ranks)};
}

bool const registered = register_in<Strategy>(
    "random", "A seeded random permutation of the experts, dealt in equal blocks; a control.",
    {.family = Family::placement, .plan = plan});

}  // namespace
}  // namespace moewire
