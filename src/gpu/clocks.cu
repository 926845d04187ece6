// Kernels that read the GPU's clock.
#include "gpu/kernels.cuh"

namespace moewire::kernels {
namespace {

__device__ std::uint64_t now_ns() {
    std::uint64_t ns;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(ns)::"memory");
    return ns;
}

__global__ void spin_until(std::uint64_t ns) {
    auto const until = now_ns() + ns;
    while (now_ns() < until) __nanosleep(200);
}

__global__ void store_time(std::uint64_t* at) {
    *at = now_ns();
}

__global__ void answer(ClockBox* box, int rounds) {
    auto* const asked = reinterpret_cast<std::uint32_t volatile*>(&box->asked);
    for (std::uint32_t round = 1; round <= static_cast<std::uint32_t>(rounds); ++round) {
        std::uint32_t seen = *asked;
        while (seen != round && seen != ClockBox::leave) seen = *asked;
        if (seen == ClockBox::leave) return;
        *reinterpret_cast<std::uint64_t volatile*>(&box->time_ns) = now_ns();
        __threadfence_system();
        *reinterpret_cast<std::uint32_t volatile*>(&box->answered) = round;
        __threadfence_system();
    }
}

}  // namespace

void spin(std::uint64_t ns, cudaStream_t stream) {
    spin_until<<<1, 1, 0, stream>>>(ns);
}

void stamp(std::uint64_t* at_ns, cudaStream_t stream) {
    store_time<<<1, 1, 0, stream>>>(at_ns);
}

void answer_clock(ClockBox* box, int rounds, cudaStream_t stream) {
    answer<<<1, 1, 0, stream>>>(box, rounds);
}

}  // namespace moewire::kernels
