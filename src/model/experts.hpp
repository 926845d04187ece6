// What do experts compute, and how do tokens reach them? The MoE block of one layer, expert-parallel.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "model/language_model.hpp"
#include "model/policy.hpp"
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
};

class MoeBlock {
  public:
    MoeBlock(WeightReader const& reader, ModelConfig const& config, Traits const& traits, std::size_t layer);

    // Collective: all ranks of `parallel`. Shape of `hidden`: [token, hidden]; the result has the same.
    at::Tensor forward(at::Tensor const& hidden, ExpertParallel const& parallel, RoutingPolicy const& policy,
                       Dispatcher const& dispatcher, StepObserver* observer, LayerRouting* routing) const;

  private:
    LayerId layer_;
    RouterSettings router_;
    at::Tensor router_weight_;  // Shape: [expert, hidden]
};

}  // namespace moewire
