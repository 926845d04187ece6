// Which weights learn, and how are they kept? fp32 masters with their moments, beside what computes.
// (Inside the train room only.)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/trainable.hpp"
#include "train/low_rank.hpp"

namespace moewire {

// One tensor that learns.
struct LearningTensor {
    TrainableTensor of;                  // what computes; its gradient arrives there
    at::Tensor master;                   // fp32; the tensor itself, where that is fp32
    at::Tensor gradient, first, second;  // fp32: summed over batches and ranks; moments
    bool has_gradient = false;           // of this step; else `gradient` holds what an earlier one left
    // One half of a low-rank change: `of` names it, and what computes is here. The second half (`up`) alone
    // has it.
    std::shared_ptr<LowRank const> low_rank;
    bool is_half = false;

    bool is_local() const { return of.role == TensorRole::expert; }
};

// Those that `spec` names, and all others frozen: all, router, experts, last:LAYERS, or lora:RANK: thin
// matrices beside those of the experts. `layers`: of the decoder. `seed`: what thin matrices begin with.
// Throws: usage.
std::vector<LearningTensor> learning_tensors(std::vector<TrainableTensor> const& all, std::string const& spec,
                                             std::int64_t layers, std::uint64_t seed);

// Nothing wants a gradient any more.
void release(std::vector<LearningTensor>& tensors);

// Takes the gradient of the last backward pass away from what computes, and adds it up.
void collect_gradients(std::vector<LearningTensor>& tensors);

// Before a step reads them: what got none has zeros. After it: the next backward pass begins anew.
void complete_gradients(std::vector<LearningTensor>& tensors);
void forget_gradients(std::vector<LearningTensor>& tensors);

// What computes gets the masters' values.
void publish(std::vector<LearningTensor>& tensors);

}  // namespace moewire
