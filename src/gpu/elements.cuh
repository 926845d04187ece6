// What are rows made of, where do they lie, and how do threads share them?
#pragma once

#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "gpu/kernels.cuh"

namespace moewire::kernels {

inline __device__ float wide(float x) {
    return x;
}
inline __device__ float wide(__nv_bfloat16 x) {
    return __bfloat162float(x);
}
inline __device__ float wide(__half x) {
    return __half2float(x);
}
template <class T>
__device__ T narrow(float x);
template <>
inline __device__ float narrow(float x) {
    return x;
}
template <>
inline __device__ __nv_bfloat16 narrow(float x) {
    return __float2bfloat16_rn(x);
}
template <>
inline __device__ __half narrow(float x) {
    return __float2half_rn(x);
}

// Sixteen bytes at a time, where everything is aligned to them.
template <class T>
struct alignas(16) Pack {
    static constexpr int size = 16 / sizeof(T);
    T values[size];
};

template <class T>
bool packs(std::int64_t width, std::int64_t stride, void const* a, void const* b) {
    auto const aligned = [](void const* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; };
    return width % Pack<T>::size == 0 && stride % Pack<T>::size == 0 && aligned(a) && aligned(b);
}

inline unsigned blocks_for(std::int64_t items, int threads) {
    std::int64_t const blocks = (items + threads - 1) / threads;
    return static_cast<unsigned>(blocks < 1 ? 1 : blocks > 65536 ? 65536 : blocks);
}

inline int threads_for(std::int64_t items) {
    return items >= 512 ? 512 : items >= 256 ? 256 : items >= 128 ? 128 : items >= 64 ? 64 : 32;
}

// Calls `run` with a value of the element's type.
template <class F>
void with_type(Element type, F const& run) {
    if (type == Element::fp32) return run(float{});
    if (type == Element::bf16) return run(__nv_bfloat16{});
    run(__half{});
}

// A row of a table of which some lie elsewhere; `width`: of a row.
template <class Word>
__device__ Word const* row_of(Word const* rows, std::int64_t row, unsigned divisor,
                              RowsElsewhere const& elsewhere, std::int64_t width) {
    if (row >= elsewhere.begin && row < elsewhere.end) {
        rows = static_cast<Word const*>(elsewhere.rows);
        row = elsewhere.index[row - elsewhere.begin];
        divisor = elsewhere.divisor;
    }
    // Rows are fewer than 2^32: a division of 64 bits takes longer than the row's copy.
    return rows + std::int64_t{static_cast<unsigned>(row) / divisor} * width;
}

}  // namespace moewire::kernels
