// Overloaded experts pay: selection by share - weight x max(0, load / mean - 1), with the load of the batch
// before, or of all batches so far; weights as the router gives them. The seed study's "balanced".
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"

namespace moewire {
namespace {

class Balanced : public Policy {
  public:
    explicit Balanced(PolicyRequest const& r)
        : weight_(r.settings.number("weight")),
          running_(r.settings.word("memory") == "running"),
          rule_(weight_rule(r.settings)),
          load_(at::zeros({r.layers, r.experts}, at::kLong)) {}

    RouterOutput route(LayerId layer, RouterSettings const& settings, at::Tensor const& logits) override {
        auto const penalty = overload(load_[static_cast<std::int64_t>(layer)]) * weight_;
        return reroute_by(settings, logits, choice_scores(settings, logits) - penalty, rule_);
    }

    void learn(Grid<std::int64_t, 2> const& counts) override {
        auto const batch = at::tensor(at::ArrayRef<std::int64_t>(counts.values())).view_as(load_);
        load_ = running_ ? load_ + batch : batch;
    }

  private:
    double weight_;
    bool running_;
    WeightRule rule_;
    at::Tensor load_;  // Shape: [layer, expert]
};

bool const registered = register_in<RoutingPolicy>(
    "balanced", "Experts that were overloaded in the batches before lose score in proportion.",
    {.make = [](PolicyRequest const& r) { return std::make_unique<Balanced>(r); },
     .settings = {number_setting("weight", 0.01, 0, 1e6, "Score lost at twice the mean load"),
                  word_setting("memory", {"previous", "running"}, "Load of the batch before, or of all"),
                  weights_setting()},
     .scope = [](Settings const&) { return PolicyScope::earlier_batches; },
     .learns_on = [](Settings const&) { return true; }});

}  // namespace
}  // namespace moewire
