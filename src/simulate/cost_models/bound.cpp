// The resource bound as a model of its own: the time of a perfect machine.
#include "base/registry.hpp"
#include "simulate/cost_model.hpp"

namespace moewire {
namespace {

Prediction predict(Scenario const& scenario, ModelParameters const&) {
    auto const bound = resource_bound(scenario);
    return {bound.time_s, bound.time_s, bound.time_s, bound.time_s, bound.binding_resource, Evidence::bound};
}

bool const registered = register_in<CostModel>(
    "bound", "Bytes over capacity of the most loaded resource of the described machine; nothing is faster.",
    {predict});

}  // namespace
}  // namespace moewire
