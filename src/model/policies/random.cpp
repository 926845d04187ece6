// Distinct experts drawn at random for every token, whatever the router says. The seed study's "random".
#include "base/random.hpp"

#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"

namespace moewire {
namespace {

class RandomChoice : public Policy {
  public:
    explicit RandomChoice(PolicyRequest const& r) : seed_(r.seed), rule_(weight_rule(r.settings)) {}

    // A hash of layer and token, not a stream: the same batch is routed the same way whenever it comes.
    RouterOutput route(LayerId layer, RouterSettings const& settings, at::Tensor const& logits) override {
        auto scores = at::empty(logits.sizes(), at::kDouble);
        auto* const values = scores.data_ptr<double>();
        auto const place = mix64(seed_ ^ mix64(index_of(layer)));
        for (std::int64_t i = 0; i < scores.numel(); ++i)
            values[i] = static_cast<double>(mix64(place + static_cast<std::uint64_t>(i)) >> 11);
        return reroute_by(settings, logits, scores, rule_);
    }

  private:
    std::uint64_t seed_;
    WeightRule rule_;
};

bool const registered = register_in<RoutingPolicy>(
    "random", "Distinct experts drawn at random for every token.",
    {.make = [](PolicyRequest const& r) { return std::make_unique<RandomChoice>(r); },
     .settings = {weights_setting()}});

}  // namespace
}  // namespace moewire
