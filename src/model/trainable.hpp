// How does a model learn? Its weights and one pass with gradients, as tensors: the door for the train room,
// which alone opens it from outside (tests/layout checks that).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "model/language_model.hpp"

namespace moewire {

enum class TensorRole {
    dense,   // equal on all ranks: gradients are summed over them
    router,  // dense, and decides who goes where
    expert   // this rank's alone; its first dimension are the experts
};

// One tensor that computes. It may stand for several on disk (query, key and value are one).
struct TrainableTensor {
    std::string name;  // of the first on disk; of experts "<block>.experts.gate_up" or the like
    at::Tensor tensor;
    TensorRole role = TensorRole::dense;
    std::int64_t layer = -1;        // of the decoder; -1: before or behind all layers
    bool is_matrix = false;         // decays; vectors do not
    std::vector<ExpertId> experts;  // Shape: [first dimension], of experts
};

// What a router said in one layer, with gradients. The shares of a token sum to one.
struct RouterScores {
    at::Tensor logits, shares;  // Shape: [token, expert]; shares in fp32
    at::Tensor picks;           // Shape: [token, choice], int64
};

// One rank's part of a pass.
struct TrainingPass {
    at::Tensor nll_sum;  // over this rank's targets, every position but the first; fp32, with gradients
    std::int64_t targets = 0, sequences = 0;
    std::vector<RouterScores> layers;  // those with experts
    at::Tensor sound;                  // Shape: [decoder layer], bool: are all its results finite?
};

enum class Activations {
    keep,
    recompute  // each layer keeps its input alone, and runs again on the way back
};

struct LearningOptions {
    Activations activations = Activations::keep;
    ActivePolicy* policy = nullptr;  // of this model; null: its own router
};

class Trainable {
  public:
    virtual ~Trainable() = default;

    // All weights of this rank, in the same order on every rank but for the number of experts. Changing them
    // in place changes the model.
    virtual std::vector<TrainableTensor> tensors(ExpertParallel const& parallel) const = 0;

    // Collective: all ranks, each with at least one sequence of two tokens, payload per_expert; so is the
    // backward pass. Throws: usage, on all ranks.
    virtual TrainingPass forward_to_learn(Grid<std::int32_t, 2> const& tokens, ExpertParallel const& parallel,
                                          LearningOptions const& options) = 0;

    // Collective: all ranks. The policy learns what all ranks' tokens of the pass chose.
    virtual void end_batch(ActivePolicy& policy, ExpertParallel const& parallel,
                           TrainingPass const& pass) const = 0;
};

// Throws: failure, for a model without gradients.
Trainable& trainable(LanguageModel& model);

}  // namespace moewire
