// How far does each weight go? Clipped AdamW over all ranks' gradients. (Inside the train room only.)
#pragma once

#include "train/trainer.hpp"
#include "train/weights.hpp"

namespace moewire {

// All stay on the device.
struct GradientNorms {
    at::Tensor all, routers;  // scalars, fp32: over all ranks, experts counted once
};

// Collective: all ranks. Replicated gradients become their sum over ranks; experts' hold every rank's tokens
// already.
GradientNorms reduce_gradients(std::vector<LearningTensor>& tensors, Communicator const& communicator);

// One step, number `step` (from 1), in the device's order. Where the norm is not finite nothing changes.
// Gradients are forgotten afterwards.
void adamw_step(std::vector<LearningTensor>& tensors, GradientNorms const& norms,
                TrainerOptions const& options, double learning_rate, std::int64_t step);

}  // namespace moewire
