// NCCL's communicators. (Of the CUDA library alone.)
#pragma once

#include "gpu/nccl.hpp"

namespace moewire {

NcclFacts facts_of_nccl();
std::string new_nccl_id();

// Collective: all ranks. Throws: failure (source "nccl"), also when not all came within `limit_s`.
std::unique_ptr<Nccl> connect_nccl(std::string const& id, int rank, int size, double limit_s);

}  // namespace moewire
