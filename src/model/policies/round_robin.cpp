// Experts in turn, whatever the router says: token t of a batch takes experts t x top_k, t x top_k + 1, ...
// The seed study's "round-robin"; perfectly balanced, and what that costs in perplexity is the point.
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"

namespace moewire {
namespace {

class RoundRobin : public Policy {
  public:
    explicit RoundRobin(PolicyRequest const& r) : rule_(weight_rule(r.settings)) {}

    RouterOutput route(LayerId, RouterSettings const& settings, at::Tensor const& logits) override {
        auto const turns = at::arange(logits.size(0) * settings.top_k, at::kLong);
        return reroute(settings, logits, turns.remainder(logits.size(1)).view({-1, settings.top_k}), rule_);
    }

  private:
    WeightRule rule_;
};

bool const registered = register_in<RoutingPolicy>(
    "round_robin", "Experts in turn, whatever the router says.",
    {.make = [](PolicyRequest const& r) { return std::make_unique<RoundRobin>(r); },
     .settings = {weights_setting()}});

}  // namespace
}  // namespace moewire
