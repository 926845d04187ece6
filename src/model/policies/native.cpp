// The router as it was trained.
#include "base/registry.hpp"
#include "model/policy.hpp"

namespace moewire {
namespace {

RouterOutput route(LayerId, RouterSettings const& settings, at::Tensor const& logits) {
    return route_natively(settings, logits);
}

bool const registered = register_in<RoutingPolicy>("native", "The model's own router, unchanged.", {route});

}  // namespace
}  // namespace moewire
