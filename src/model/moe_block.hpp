// How do tokens reach their experts, and what comes back? The MoE block of one layer, expert-parallel.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "model/expert_bank.hpp"
#include "model/feed_forward.hpp"
#include "model/language_model.hpp"
#include "model/running_policy.hpp"
#include "model/weights.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {

// Router logits and picks of one layer, for those who keep them.
struct LayerRouting {
    at::Tensor logits;  // Shape: [token, expert]
    RouterOutput route;
    at::Tensor rerouted;  // choices of the router that the policy did not take; undefined without a policy
};

// What all layers of one pass share.
struct MoePass {
    ExpertParallel const& parallel;
    Dispatcher const& dispatcher;
    RunningPolicy* policy = nullptr;  // null: the router's own
    StepObserver* observer = nullptr;
};

class MoeBlock {
  public:
    // `index`: among the layers with experts; `layer`: among all.
    MoeBlock(WeightReader const& reader, ModelConfig const& config, Traits const& traits, std::size_t index,
             std::int64_t layer);

    // Collective: all ranks of the pass. Shape of `hidden`: [token, hidden]; the result has the same. One
    // rank that nobody observes exchanges nothing, and nothing then waits for the device.
    at::Tensor forward(at::Tensor const& hidden, MoePass const& pass, LayerRouting* routing) const;

    // What the router makes of its logits, expert by expert. Shape: [token, expert], fp32.
    at::Tensor shares(at::Tensor const& logits) const { return router_shares(router_, logits); }

  private:
    LayerRouting route(at::Tensor const& hidden, MoePass const& pass) const;
    at::Tensor exchanged(at::Tensor const& hidden, RouterOutput const& route, MoePass const& pass) const;
    at::Tensor alone(at::Tensor const& hidden, RouterOutput const& route, LoadedExperts const& bank) const;
    // Shape of `away` and the result: [received row, hidden].
    at::Tensor compute_away(LoadedExperts const& bank, at::Tensor const& away,
                            DispatchPlan const& plan) const;

    LayerId layer_;
    RouterSettings router_;
    bool router_in_fp32_;
    at::Tensor router_weight_, router_bias_;  // Shapes: [expert, hidden], [expert]
    std::optional<SharedExperts> shared_;
};

}  // namespace moewire
