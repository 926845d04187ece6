// A bias for every expert, raised while it is underloaded and lowered while it is overloaded; it takes part
// in the selection, not in the weights. Source: auxiliary-loss-free balancing, arXiv 2408.15664
// (DeepSeek-V3).
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"

namespace moewire {
namespace {

class LossFreeBias : public Policy {
  public:
    explicit LossFreeBias(PolicyRequest const& r)
        : speed_(r.settings.number("speed")),
          rule_(weight_rule(r.settings)),
          bias_(at::zeros({r.layers, r.experts}, at::kFloat)) {}

    RouterOutput route(LayerId layer, RouterSettings const& settings, at::Tensor const& logits) override {
        return reroute_by(settings, logits,
                          choice_scores(settings, logits) + bias_[static_cast<std::int64_t>(layer)], rule_);
    }

    void learn(Grid<std::int64_t, 2> const& counts) override {
        auto const load =
            at::tensor(at::ArrayRef<std::int64_t>(counts.values())).view_as(bias_).to(at::kFloat);
        bias_ = bias_ + at::sign(load.mean(1, /*keepdim=*/true) - load) * speed_;
    }

  private:
    double speed_;
    WeightRule rule_;
    at::Tensor bias_;  // Shape: [layer, expert]
};

bool const registered = register_in<RoutingPolicy>(
    "loss_free_bias", "A learned bias per expert in the selection, none in the weights.",
    {.make = [](PolicyRequest const& r) { return std::make_unique<LossFreeBias>(r); },
     .settings = {number_setting("speed", 0.01, 0, 1, "Change of a bias after each batch"),
                  word_setting("update", {"frozen", "online"},
                               "Learned from the calibration text alone, or also while scoring"),
                  weights_setting()},
     .scope =
         [](Settings const& s) {
             return s.word("update") == "online" ? PolicyScope::earlier_batches : PolicyScope::token;
         },
     .learns_on = [](Settings const& s) { return s.word("update") == "online"; }});

}  // namespace
}  // namespace moewire
