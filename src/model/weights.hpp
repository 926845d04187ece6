// How do tensors come off the disk? Checked against the config, in the dtype that computes.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "assignment/assignment.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/config.hpp"
#include "model/traits.hpp"

namespace moewire {

// Reads weights of one checkpoint.
class WeightReader {
  public:
    WeightReader(Checkpoint const& checkpoint, ModelConfig const& config, Traits const& traits,
                 at::ScalarType dtype);

    // The whole tensor. Throws: usage (source "model"), when it is absent, not a float type, or of another
    // shape than the config implies.
    at::Tensor read(std::string const& name, std::vector<std::int64_t> const& shape) const;

    // The first of `names` that exists. Throws: usage, naming all, when none does.
    std::string first_existing(std::vector<std::string> const& names) const;

    // Where layer `layer` keeps its MoE block: "model.layers.3.mlp".
    std::string moe_block(std::size_t layer) const;

    // Gate and up stacked, and down, of the given experts alone: only their bytes are read. Both on-disk
    // layouts. Shapes: [expert, 2 x intermediate, hidden] and [expert, hidden, intermediate].
    struct Experts {
        at::Tensor gate_up, down;
    };
    Experts read_experts(std::size_t layer, std::vector<ExpertId> const& experts) const;

    // Was this tensor read, or is it an expert's, or one that older checkpoints carry without need?
    bool has_place_for(std::string const& name) const;

  private:
    TensorInfo const& checked(std::string const& name, std::vector<std::int64_t> const& shape) const;
    void read_into(at::Tensor target, std::string const& name, TensorInfo const& info,
                   std::uint64_t first_byte) const;

    Checkpoint const& checkpoint_;
    ModelConfig const& config_;
    Traits const& traits_;
    at::ScalarType dtype_;
    mutable std::set<std::string> read_names_;
};

}  // namespace moewire
