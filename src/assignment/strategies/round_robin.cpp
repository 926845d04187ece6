// Expert e on rank e mod P. Source: vLLM's `round_robin` expert placement (vllm/config/parallel.py).
#include "assignment/strategy.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

Planned plan(PlanRequest const& request) {
    Grid<std::int32_t, 2> ranks(request.demand.layers(), static_cast<std::size_t>(request.demand.experts()));
    for (std::size_t layer = 0; layer < request.demand.layers(); ++layer) {
        for (std::int32_t expert = 0; expert < request.demand.experts(); ++expert) {
            ranks(layer, expert) = expert % request.ranks;
        }
    }
    return {Assignment::from_expert_ranks(ranks, request.ranks)};
}

bool const registered = register_in<Strategy>("round_robin", "Experts dealt to ranks one by one.",
                                              {.family = Family::placement, .plan = plan});

}  // namespace
}  // namespace moewire
