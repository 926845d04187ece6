#include "gpu/cuda_stream.hpp"

#include <atomic>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

namespace moewire {
namespace {

std::atomic<c10::DeviceIndex> device_in_use = -1;  // -1: torch asks CUDA

}  // namespace

void use_own_stream(int device) {
    auto const index = static_cast<c10::DeviceIndex>(device);
    c10::cuda::set_device(index);
    c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(false, index));
    device_in_use = index;
}

cudaStream_t current_stream() {
    thread_local c10::StreamId last_id = 0;
    thread_local cudaStream_t last = nullptr;  // the default stream
    auto const stream = c10::cuda::getCurrentCUDAStream(device_in_use.load(std::memory_order_relaxed));
    if (stream.id() != last_id) {
        last = stream.stream();
        last_id = stream.id();
    }
    return last;
}

}  // namespace moewire
