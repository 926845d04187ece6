// How does learning go on where it stopped? Masters and moments on disk, for any number of ranks.
// (Inside the train room only.)
#pragma once

#include <filesystem>

#include "system/communicator.hpp"
#include "train/weights.hpp"

namespace moewire {

// Collective: all ranks. Writes "state-<rank>-of-<ranks>.safetensors": rank 0 the replicated tensors, each
// rank its experts. Throws on all ranks: failure.
void write_state(std::filesystem::path const& folder, std::vector<LearningTensor> const& tensors,
                 std::int64_t step, Communicator const& communicator);

// Collective: all ranks. Reads what this rank holds from all files there; returns the step. Throws on all
// ranks: usage, when a tensor is missing, has another shape, or files of two sizes of world lie there.
std::int64_t read_state(std::filesystem::path const& folder, std::vector<LearningTensor>& tensors,
                        Communicator const& communicator);

}  // namespace moewire
