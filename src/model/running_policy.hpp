// Is a policy still learning? One policy with its state, seen from the model. (Inside the model room only.)
#pragma once

#include <memory>
#include <string_view>

#include "model/policy.hpp"

namespace moewire {

class RunningPolicy : public ActivePolicy {
  public:
    RunningPolicy(std::unique_ptr<Policy> policy, PolicyScope scope, bool learns_on)
        : policy_(std::move(policy)), scope_(scope), learns_on_(learns_on) {}

    PolicyScope scope() const override { return scope_; }
    void end_calibration() override { learning_ = learns_on_; }
    void freeze() override { learning_ = false; }

    RouterOutput route(LayerId layer, RouterSettings const& settings, at::Tensor const& logits) {
        return policy_->route(layer, settings, logits);
    }

    // Collective: all ranks. Tells the policy what all ranks' tokens of the batch chose.
    void end_batch(Communicator const& communicator, Routing const& routing);

  private:
    std::unique_ptr<Policy> policy_;
    PolicyScope scope_;
    bool learns_on_, learning_ = true;
};

// Throws: usage, for an unknown name, another family or a wrong setting.
std::unique_ptr<RunningPolicy> start_policy(std::string_view spec, std::uint64_t seed,
                                            ModelFacts const& facts);

}  // namespace moewire
