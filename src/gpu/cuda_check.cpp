#include "gpu/cuda_check.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {

void check_cuda(cudaError_t code, char const* call, std::source_location where) {
    if (code == cudaSuccess) return;
    cudaGetLastError();  // what is not fatal is reported once
    throw failure(
        "cuda",
        fmt::format("{} failed: {} (the GPU or its driver refused); look at nvidia-smi and at other ranks' "
                    "messages",
                    call, cudaGetErrorString(code)),
        where);
}

void check_nccl(ncclResult_t code, char const* call, ncclComm_t communicator, std::source_location where) {
    if (code == ncclSuccess) return;
    char const* const words = ncclGetLastError(communicator);
    throw failure(
        "nccl",
        fmt::format("{} failed: {} ({}); run again with NCCL_DEBUG=WARN to see where", call,
                    ncclGetErrorString(code), words != nullptr && *words != 0 ? words : "it says no more"),
        where);
}

}  // namespace moewire
