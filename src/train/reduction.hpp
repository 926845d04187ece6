// How do ranks add up small tensors? (Inside the train room only.)
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "system/communicator.hpp"

namespace moewire {

// Collective: all ranks. Sum over ranks in fp64; the gradient is that of this rank's part. With one rank
// nothing leaves the device.
at::Tensor sum_with_own_gradient(at::Tensor const& part, Communicator const& communicator);

// Collective: all ranks, equal shapes. Each tensor becomes its sum over ranks, in fp64 on the way.
void sum_in_place(std::vector<at::Tensor> const& tensors, Communicator const& communicator);

}  // namespace moewire
