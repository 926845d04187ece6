// The router as it was trained.
#include "base/registry.hpp"
#include "model/policy.hpp"

namespace moewire {
namespace {

class Native : public Policy {
  public:
    RouterOutput route(LayerId, RouterSettings const& settings, at::Tensor const& logits) override {
        return route_natively(settings, logits);
    }
};

bool const registered =
    register_in<RoutingPolicy>("native", "The model's own router, unchanged.",
                               {[](PolicyRequest const&) { return std::make_unique<Native>(); }});

}  // namespace
}  // namespace moewire
