// Which experts does this rank compute? Their weights, under one assignment. (Inside the model room only.)
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "model/kernels.hpp"
#include "model/language_model.hpp"
#include "model/weights.hpp"

namespace moewire {

class LoadedExperts : public ExpertBank {
  public:
    LoadedExperts(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                  Assignment const& assignment, RankId rank);

    std::int64_t bytes() const override { return bytes_; }

    // Rows by expert: slot s owns rows slot_end[s-1] .. slot_end[s]. Shape: [row, hidden] -> the same.
    at::Tensor compute(LayerId layer, at::Tensor const& rows,
                       std::vector<std::int64_t> const& slot_end) const;

    // The same with the ends on the device, where the layer's products can be grouped: int32 [slot].
    bool can_group(at::Tensor const& rows) const;
    at::Tensor compute_grouped(LayerId layer, at::Tensor const& rows, at::Tensor const& slot_end) const;

    // A slot of each expert, where this rank holds all. Shape: [expert], int64.
    at::Tensor const& slot_of(LayerId layer) const { return layers_[index_of(layer)].slot_of; }
    // The slot of each expert among all ranks', where every expert has one copy. Shape: [expert], int64.
    at::Tensor const& slot_of_all(LayerId layer) const { return layers_[index_of(layer)].slot_of_all; }
    std::int64_t slots(LayerId layer) const { return layers_[index_of(layer)].weights.gate_up.size(0); }

    std::vector<ExpertId> const& experts(LayerId layer) const { return layers_[index_of(layer)].experts; }
    ExpertWeights const& weights(LayerId layer) const { return layers_[index_of(layer)].weights; }

  private:
    struct Layer {
        std::vector<ExpertId> experts;  // of each slot
        ExpertWeights weights;
        at::Tensor slot_of, slot_of_all;
    };
    // Rows first .. last - 1, into the same rows of `results`.
    void compute_part(Layer const& layer, at::Tensor const& rows, std::vector<std::int64_t> const& slot_end,
                      std::int64_t first, std::int64_t last, at::Tensor const& results) const;

    Activation activation_;
    double limit_;
    std::vector<Layer> layers_;
    std::int64_t bytes_ = 0;
};

}  // namespace moewire
