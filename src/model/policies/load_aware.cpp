// The penalty of `balanced` with the load of the batch that is being routed: what the router alone would
// choose for all of it, later tokens included, so it is not causal.
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"

namespace moewire {
namespace {

class LoadAware : public Policy {
  public:
    explicit LoadAware(PolicyRequest const& r)
        : weight_(r.settings.number("weight")), rule_(weight_rule(r.settings)) {}

    RouterOutput route(LayerId, RouterSettings const& settings, at::Tensor const& logits) override {
        auto const chosen = std::get<1>(at::topk(logits, settings.top_k, -1)).reshape({-1});
        auto const load = at::bincount(chosen, {}, logits.size(-1));
        return reroute_by(settings, logits, choice_scores(settings, logits) - overload(load) * weight_,
                          rule_);
    }

  private:
    double weight_;
    WeightRule rule_;
};

bool const registered = register_in<RoutingPolicy>(
    "load_aware", "Experts that the batch at hand would overload lose score in proportion.",
    {.make = [](PolicyRequest const& r) { return std::make_unique<LoadAware>(r); },
     .settings = {number_setting("weight", 0.01, 0, 1e6, "Score lost at twice the mean load"),
                  weights_setting()},
     .scope = [](Settings const&) { return PolicyScope::whole_batch; }});

}  // namespace
}  // namespace moewire
