// How do weights get into the model? Checked against the config, stacked as they compute, in the dtype and
// on the device that compute. (Inside the model room only.)
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "assignment/assignment.hpp"
#include "checkpoint/config.hpp"
#include "model/traits.hpp"
#include "model/weight_source.hpp"

namespace moewire {

// One tensor of the checkpoint inside a tensor of the model: rows first_row .. first_row + rows - 1 of it.
struct Parameter {
    std::string name;
    at::Tensor tensor;
    std::int64_t first_row = 0, rows = 0;

    at::Tensor part(at::Tensor const& of) const { return of.narrow(0, first_row, rows); }
};

// Some experts of one layer. Undefined biases: the architecture has none.
struct ExpertWeights {
    at::Tensor gate_up, down;  // Shapes: [expert, 2 x intermediate, hidden], [expert, hidden, intermediate]
    at::Tensor gate_up_bias, down_bias;  // Shapes: [expert, 2 x intermediate], [expert, hidden]
};

// How a layer's experts are named on disk.
enum class ExpertLayout {
    per_expert,  // one tensor an expert and matrix
    fused,       // [expert, 2 x intermediate, hidden]: gate rows, then up rows
    transposed,  // gpt_oss: [expert, hidden, 2 x intermediate], gate and up columns in turn
    mxfp4        // gpt_oss: blocks and scales of the transpose of that
};

// Where the model computes, and in which type.
struct Placement {
    at::ScalarType dtype;
    at::Device device;
};

class WeightReader {
  public:
    WeightReader(WeightSource const& source, ModelConfig const& config, Traits const& traits,
                 Placement placement);

    Placement const& placement() const { return placement_; }

    // A whole tensor. Throws: usage (source "model"), when it is absent, no float type, or of another shape
    // than the config implies.
    at::Tensor read(std::string const& name, std::vector<std::int64_t> const& shape) const;

    // In fp32, whatever the model computes in.
    at::Tensor read_wide(std::string const& name, std::vector<std::int64_t> const& shape) const;

    // Several tensors on top of each other: one product instead of several. Each has `columns` columns; 0
    // columns are vectors.
    struct Rows {
        std::string name;
        std::int64_t count;
    };
    at::Tensor read_stacked(std::vector<Rows> const& parts, std::int64_t columns) const;

    bool contains(std::string const& name) const { return source_.contains(name); }

    // The first of `names` that exists. Throws: usage, naming all, when none does.
    std::string first_existing(std::vector<std::string> const& names) const;

    // Where decoder layer `layer` keeps its MoE block: "model.layers.3.mlp".
    std::string moe_block(std::int64_t layer) const;

    // The given experts alone: only their bytes are read.
    ExpertWeights read_experts(std::int64_t layer, std::vector<ExpertId> const& experts) const;
    ExpertLayout layout_of(std::int64_t layer) const;

    // The other way: calls `write` with every tensor, or part of one from `first_element` on, that these
    // experts are stored as. Shape and order are the file's, the dtype is the model's.
    using WritePart =
        std::function<void(std::string const& name, std::int64_t first_element, at::Tensor const&)>;
    void write_experts(std::int64_t layer, std::vector<ExpertId> const& experts, ExpertWeights const& weights,
                       std::vector<std::size_t> const& slots, WritePart const& write) const;

    // Was this tensor read, or is it an expert's, or one that checkpoints carry without need?
    bool has_place_for(std::string const& name) const;

    // All that was read but the experts, in that order; each is contiguous.
    std::vector<Parameter> const& parameters() const { return parameters_; }

  private:
    at::Tensor empty(std::vector<std::int64_t> const& shape) const;
    void check_width(std::string const& prefix, ExpertLayout layout, std::int64_t expert) const;
    void read_per_expert(std::string const& prefix, std::int64_t expert, ExpertWeights const& into,
                         std::int64_t slot) const;
    void read_fused(std::string const& prefix, std::int64_t expert, ExpertWeights const& into,
                    std::int64_t slot) const;
    void read_transposed(std::string const& prefix, std::int64_t expert, ExpertWeights const& into,
                         std::int64_t slot) const;
    bool is_expert_tensor(std::string const& name) const;

    WeightSource const& source_;
    ModelConfig const& config_;
    Traits const& traits_;
    Placement placement_;
    mutable std::vector<Parameter> parameters_;
    mutable std::set<std::string> read_names_;
};

}  // namespace moewire
