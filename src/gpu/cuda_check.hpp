// Did CUDA or NCCL do it? (Of the CUDA library alone.)
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>
#include <source_location>

namespace moewire {

// Throws: failure (source "cuda" or "nccl") with the library's own words, when `code` is not success.
void check_cuda(cudaError_t code, char const* call,
                std::source_location where = std::source_location::current());
void check_nccl(ncclResult_t code, char const* call, ncclComm_t communicator = nullptr,
                std::source_location where = std::source_location::current());

}  // namespace moewire
