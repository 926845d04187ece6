// exp(logits) scaled until every token and every expert of the batch has the same total, then the top k of
// that; weights as the router gives them. Looks at the whole batch, so it is not causal. Source: Sinkhorn
// routing of Megatron-LM (moe_utils.py).
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"

namespace moewire {
namespace {

class Sinkhorn : public Policy {
  public:
    explicit Sinkhorn(PolicyRequest const& r)
        : tolerance_(r.settings.number("tolerance")),
          rounds_(r.settings.whole("rounds")),
          rule_(weight_rule(r.settings)) {}

    RouterOutput route(LayerId, RouterSettings const& settings, at::Tensor const& logits) override {
        if (logits.size(0) == 0) return route_natively(settings, logits);
        auto const raw = logits.to(at::kDouble);
        // The scale of a row does not matter, and large logits would overflow.
        auto const mass = at::exp(raw - raw.amax(1, /*keepdim=*/true));
        auto by_expert = at::ones({1, mass.size(1)}, at::kDouble), by_token = by_expert;
        for (std::int64_t round = 0; round < rounds_; ++round) {
            by_token = 1 / (mass * by_expert).sum(1, true) / mass.size(0);
            auto const next = 1 / (mass * by_token).sum(0, true) / mass.size(1);
            auto const change = ((next - by_expert) / next).abs().amax().item<double>();
            by_expert = next;
            if (change <= tolerance_) break;
        }
        return reroute_by(settings, logits, mass * by_expert * by_token, rule_);
    }

  private:
    double tolerance_;
    std::int64_t rounds_;
    WeightRule rule_;
};

bool const registered = register_in<RoutingPolicy>(
    "sinkhorn", "Router scores scaled to equal expert totals over the batch before the choice.",
    {.make = [](PolicyRequest const& r) { return std::make_unique<Sinkhorn>(r); },
     .settings = {number_setting("tolerance", 1e-4, 0, 1, "Relative change of the scales that ends it"),
                  whole_setting("rounds", 200, 1, 100000, "Rounds at most"), weights_setting()},
     .scope = [](Settings const&) { return PolicyScope::whole_batch; }});

}  // namespace
}  // namespace moewire
