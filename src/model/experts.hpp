// What do experts compute, and how do tokens reach them? The MoE block of one layer, expert-parallel.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "model/language_model.hpp"
#include "model/running_policy.hpp"
#include "model/weights.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {

// The expert weights of one rank: one entry a layer and local slot.
class HostExpertBank : public ExpertBank {
  public:
    HostExpertBank(WeightReader const& reader, std::size_t layers, Assignment const& assignment, RankId rank);

    std::int64_t bytes() const override { return bytes_; }

    // Rows by expert: slot s owns rows slot_end[s-1] .. slot_end[s]. Shape: [row, hidden] -> the same.
    at::Tensor compute(LayerId layer, at::Tensor const& rows,
                       std::vector<std::int64_t> const& slot_end) const;

  private:
    struct Slot {
        at::Tensor gate_up, down;  // Shapes: [2 x intermediate, hidden], [hidden, intermediate]
    };
    std::vector<std::vector<Slot>> slots_;  // Shape: [layer][local slot]
    std::int64_t bytes_ = 0;
};

// Router logits and picks of one layer, for those who keep them.
struct LayerRouting {
    at::Tensor logits;  // Shape: [token, expert]
    RouterOutput route;
    std::int64_t rerouted = 0;  // choices of the router that the policy did not take
};

class MoeBlock {
  public:
    MoeBlock(WeightReader const& reader, ModelConfig const& config, Traits const& traits, std::size_t layer);

    // Collective: all ranks of `parallel`. A null `policy` is the router's own. Shape of `hidden`: [token,
    // hidden]; the result has the same.
    at::Tensor forward(at::Tensor const& hidden, ExpertParallel const& parallel, RunningPolicy* policy,
                       Dispatcher const& dispatcher, StepObserver* observer, LayerRouting* routing) const;

  private:
    std::int64_t count_rerouted(at::Tensor const& logits, RouterOutput const& route) const;
    // Shape of `away` and the result: [received row, hidden].
    at::Tensor compute_away(HostExpertBank const& bank, at::Tensor const& away,
                            DispatchPlan const& plan) const;

    LayerId layer_;
    RouterSettings router_;
    at::Tensor router_weight_;  // Shape: [expert, hidden]
};

}  // namespace moewire
