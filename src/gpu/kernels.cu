#include "gpu/elements.cuh"

namespace moewire::kernels {
namespace {

__device__ float block_sum(float value) {
    __shared__ float partial[32];
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
    __syncthreads();
    float total = 0;
    for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) total += partial[warp];
    return total;
}

template <class T, int Size>
__global__ void rms_norm_rows(T const* x, std::int64_t stride, T const* weight, T* out, std::int64_t width,
                              float eps, bool wide_weight) {
    struct alignas(sizeof(T) * Size) Part {
        T values[Size];
    };
    auto const* row = reinterpret_cast<Part const*>(x + blockIdx.x * stride);
    auto const* scale = reinterpret_cast<Part const*>(weight);
    auto* target = reinterpret_cast<Part*>(out + blockIdx.x * width);
    float squares = 0;
    for (std::int64_t i = threadIdx.x; i < width / Size; i += blockDim.x) {
        Part const part = row[i];
        for (int k = 0; k < Size; ++k) squares += wide(part.values[k]) * wide(part.values[k]);
    }
    float const factor = rsqrtf(block_sum(squares) / static_cast<float>(width) + eps);
    for (std::int64_t i = threadIdx.x; i < width / Size; i += blockDim.x) {
        Part const part = row[i], w = scale[i];
        Part result;
        for (int k = 0; k < Size; ++k) {
            float const normed = wide(part.values[k]) * factor;
            result.values[k] = wide_weight ? narrow<T>(normed * wide(w.values[k]))
                                           : narrow<T>(wide(narrow<T>(normed)) * wide(w.values[k]));
        }
        target[i] = result;
    }
}

template <class T, int Size>
__global__ void swiglu_rows(T const* gate_up, T* out, std::int64_t rows, std::int64_t width) {
    struct alignas(sizeof(T) * Size) Part {
        T values[Size];
    };
    std::int64_t const parts = width / Size, all = rows * parts;
    for (std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x; i < all;
         i += std::int64_t{gridDim.x} * blockDim.x) {
        std::int64_t const row = i / parts, column = i % parts;
        auto const* both = reinterpret_cast<Part const*>(gate_up + row * 2 * width);
        Part const gate = both[column], up = both[parts + column];
        Part result;
        for (int k = 0; k < Size; ++k) {
            float const g = wide(gate.values[k]);
            result.values[k] = narrow<T>(wide(narrow<T>(g / (1 + __expf(-g)))) * wide(up.values[k]));
        }
        reinterpret_cast<Part*>(out)[i] = result;
    }
}

template <class T>
__global__ void rotate_pairs(T const* x, T const* cos, T const* sin, T* out, RotateShape s) {
    std::int64_t const all = s.sequences * s.positions * s.heads * s.half;
    for (std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x; i < all;
         i += std::int64_t{gridDim.x} * blockDim.x) {
        std::int64_t const pair = i % s.half, head = i / s.half % s.heads,
                           position = i / (s.half * s.heads) % s.positions,
                           sequence = i / (s.half * s.heads * s.positions);
        T const* from =
            x + sequence * s.sequence_stride + position * s.position_stride + head * s.head_stride;
        float const first = wide(from[s.neighbours ? 2 * pair : pair]);
        float const second = wide(from[s.neighbours ? 2 * pair + 1 : pair + s.half]);
        float const c = wide(cos[position * s.half + pair]), d = wide(sin[position * s.half + pair]);
        T* to = out + (i / s.half) * 2 * s.half;
        to[pair] = narrow<T>(first * c - second * d);
        to[pair + s.half] = narrow<T>(second * c + first * d);
    }
}

// Stable: threads own consecutive rows, and count before they place.
__global__ void sort_rows(std::int64_t const* slots, std::int64_t rows, int slot_count, std::int64_t* order,
                          std::int64_t* place, std::int32_t* slot_end) {
    extern __shared__ int shared[];  // [slot] ends, then the counts of this slot's rows before each thread
    int* const ends = shared;
    for (int s = threadIdx.x; s < slot_count; s += blockDim.x) ends[s] = 0;
    __syncthreads();
    for (std::int64_t r = threadIdx.x; r < rows; r += blockDim.x) atomicAdd(&ends[slots[r]], 1);
    __syncthreads();
    if (threadIdx.x < 32) {  // one warp sums up the counts, 32 slots at a time
        int carried = 0;
        for (int base = 0; base < slot_count; base += 32) {
            int const s = base + static_cast<int>(threadIdx.x);
            int value = s < slot_count ? ends[s] : 0;
            for (int step = 1; step < 32; step *= 2) {
                int const below = __shfl_up_sync(0xffffffffu, value, step);
                if (static_cast<int>(threadIdx.x) >= step) value += below;
            }
            value += carried;
            if (s < slot_count) ends[s] = value;
            carried = __shfl_sync(0xffffffffu, value, 31);
        }
    }
    __syncthreads();
    for (int s = threadIdx.x; s < slot_count; s += blockDim.x) slot_end[s] = ends[s];
    // A warp a slot walks all rows in order: ballots give each match its place.
    int const lane = static_cast<int>(threadIdx.x % 32), warps = static_cast<int>(blockDim.x / 32);
    for (int s = static_cast<int>(threadIdx.x / 32); s < slot_count; s += warps) {
        int next = s == 0 ? 0 : ends[s - 1];
        if (next == ends[s]) continue;
        for (std::int64_t base = 0; base < rows; base += 32) {
            std::int64_t const r = base + lane;
            bool const mine = r < rows && slots[r] == s;
            unsigned const all = __ballot_sync(0xffffffffu, mine);
            if (mine) {
                int const at = next + __popc(all & ((1u << lane) - 1));
                order[at] = r;
                place[r] = at;
            }
            next += __popc(all);
        }
    }
}

// A block a token. Where its rows lie is found out once: of rows that wait for nothing many are on their way.
template <class T, class W, int Size>
__global__ void sum_rows(T const* results, std::int64_t const* place, W const* weights, T* out, int top_k,
                         std::int64_t width, RowsElsewhere elsewhere) {
    struct alignas(sizeof(T) * Size) Part {
        T values[Size];
    };
    extern __shared__ std::int64_t room[];  // [choice] where, then how much
    auto** const from = reinterpret_cast<Part const**>(room);
    auto* const share = reinterpret_cast<float*>(room + top_k);
    std::int64_t const token = blockIdx.x;
    for (int k = static_cast<int>(threadIdx.x); k < top_k; k += static_cast<int>(blockDim.x)) {
        std::int64_t const row = place[token * top_k + k];
        from[k] = reinterpret_cast<Part const*>(row_of(results, row, 1, elsewhere, width));
        share[k] = wide(weights[token * top_k + k]);
    }
    __syncthreads();
    for (std::int64_t i = threadIdx.x; i < width / Size; i += blockDim.x) {
        float total[Size] = {};
#pragma unroll 4
        for (int k = 0; k < top_k; ++k) {
            Part const part = from[k][i];
            for (int j = 0; j < Size; ++j) total[j] += share[k] * wide(part.values[j]);
        }
        Part result;
        for (int j = 0; j < Size; ++j) result.values[j] = narrow<T>(total[j]);
        reinterpret_cast<Part*>(out + token * width)[i] = result;
    }
}

}  // namespace

void rms_norm(Element type, void const* x, std::int64_t stride, void const* weight, void* out,
              std::int64_t rows, std::int64_t width, float eps, bool wide_weight, cudaStream_t stream) {
    if (rows == 0) return;
    with_type(type, [&](auto zero) {
        using T = decltype(zero);
        auto const* from = static_cast<T const*>(x);
        auto const* w = static_cast<T const*>(weight);
        auto* to = static_cast<T*>(out);
        auto const grid = static_cast<unsigned>(rows);
        if (packs<T>(width, stride, x, weight)) {
            constexpr int size = Pack<T>::size;
            rms_norm_rows<T, size><<<grid, threads_for(width / size), 0, stream>>>(from, stride, w, to, width,
                                                                                   eps, wide_weight);
        } else {
            rms_norm_rows<T, 1>
                <<<grid, threads_for(width), 0, stream>>>(from, stride, w, to, width, eps, wide_weight);
        }
    });
}

void swiglu(Element type, void const* gate_up, void* out, std::int64_t rows, std::int64_t width,
            cudaStream_t stream) {
    if (rows == 0) return;
    with_type(type, [&](auto zero) {
        using T = decltype(zero);
        auto const* from = static_cast<T const*>(gate_up);
        auto* to = static_cast<T*>(out);
        if (packs<T>(width, width, gate_up, out)) {
            constexpr int size = Pack<T>::size;
            swiglu_rows<T, size>
                <<<blocks_for(rows * width / size, 256), 256, 0, stream>>>(from, to, rows, width);
        } else {
            swiglu_rows<T, 1><<<blocks_for(rows * width, 256), 256, 0, stream>>>(from, to, rows, width);
        }
    });
}

void rotate(Element type, void const* x, void const* cos, void const* sin, void* out,
            RotateShape const& shape, cudaStream_t stream) {
    std::int64_t const all = shape.sequences * shape.positions * shape.heads * shape.half;
    if (all == 0) return;
    with_type(type, [&](auto zero) {
        using T = decltype(zero);
        rotate_pairs<T><<<blocks_for(all, 256), 256, 0, stream>>>(
            static_cast<T const*>(x), static_cast<T const*>(cos), static_cast<T const*>(sin),
            static_cast<T*>(out), shape);
    });
}

void sort_by_slot(std::int64_t const* slots, std::int64_t rows, std::int64_t slot_count, std::int64_t* order,
                  std::int64_t* place, std::int32_t* slot_end, cudaStream_t stream) {
    sort_rows<<<1, 1024, static_cast<std::size_t>(slot_count) * sizeof(int), stream>>>(
        slots, rows, static_cast<int>(slot_count), order, place, slot_end);
}

void weighted_sum(Element type, void const* results, std::int64_t const* place, void const* weights,
                  bool fp32_weights, void* out, std::int64_t tokens, std::int64_t top_k, std::int64_t width,
                  RowsElsewhere const& elsewhere, cudaStream_t stream) {
    if (tokens == 0) return;
    with_type(type, [&](auto zero) {
        using T = decltype(zero);
        auto const launch = [&](auto const* w) {
            using W = std::remove_const_t<std::remove_pointer_t<decltype(w)>>;
            auto const* from = static_cast<T const*>(results);
            auto* to = static_cast<T*>(out);
            auto const grid = static_cast<unsigned>(tokens);
            auto const room = static_cast<std::size_t>(top_k) * (sizeof(std::int64_t) + sizeof(float));
            int const choices = static_cast<int>(top_k);
            if (packs<T>(width, width, results, out) && packs<T>(width, width, elsewhere.rows, out)) {
                constexpr int size = Pack<T>::size;
                sum_rows<T, W, size><<<grid, threads_for(width / size), room, stream>>>(
                    from, place, w, to, choices, width, elsewhere);
            } else {
                sum_rows<T, W, 1><<<grid, threads_for(width), room, stream>>>(from, place, w, to, choices,
                                                                              width, elsewhere);
            }
        };
        fp32_weights ? launch(static_cast<float const*>(weights)) : launch(static_cast<T const*>(weights));
    });
}

}  // namespace moewire::kernels
