// The kernels behind gpu/gpu.hpp, by pointers and sizes: no torch header is needed to compile them.
#pragma once

#include <cstdint>
#include <cuda_runtime_api.h>

namespace moewire::kernels {

enum class Element { fp32, bf16, fp16 };

void rms_norm(Element type, void const* x, std::int64_t x_stride, void const* weight, void* out,
              std::int64_t rows, std::int64_t width, float eps, bool wide_weight, cudaStream_t stream);

void swiglu(Element type, void const* gate_up, void* out, std::int64_t rows, std::int64_t width,
            cudaStream_t stream);

struct RotateShape {
    std::int64_t sequences, positions, heads, half;
    std::int64_t sequence_stride, position_stride, head_stride;  // of x
    bool neighbours;
};
void rotate(Element type, void const* x, void const* cos, void const* sin, void* out,
            RotateShape const& shape, cudaStream_t stream);

// One block: for up to a few thousand rows. `slots` int64 [rows].
void sort_by_slot(std::int64_t const* slots, std::int64_t rows, std::int64_t slot_count, std::int64_t* order,
                  std::int64_t* place, std::int32_t* slot_end, cudaStream_t stream);

// Rows begin .. end - 1 of a table lie elsewhere: row begin + i is row index[i] / divisor of `rows`.
struct RowsElsewhere {
    void const* rows = nullptr;
    std::int64_t const* index = nullptr;
    std::int64_t begin = 0, end = 0;
    unsigned divisor = 1;
};

void weighted_sum(Element type, void const* results, std::int64_t const* place, void const* weights,
                  bool fp32_weights, void* out, std::int64_t tokens, std::int64_t top_k, std::int64_t width,
                  RowsElsewhere const& elsewhere, cudaStream_t stream);

// Result rows begin .. end - 1. With `slot_end`: those of slots first .. last - 1 instead, slot s ending
// before row slot_end[s].
struct RowPart {
    std::int64_t begin = 0, end = 0;
    std::int32_t const* slot_end = nullptr;
    std::int64_t first = 0, last = 0;
};

// out[row] = rows[index[row] / divisor]: copies whole rows, but none into `left_out`. Sizes in bytes.
void take_rows(void const* rows, std::int64_t const* index, std::int64_t divisor, void* out,
               RowPart const& left_out, std::int64_t count, std::int64_t row_bytes, cudaStream_t stream);

// out[row] = rows[index[row]], some rows lying elsewhere.
void take_rows(void const* rows, std::int64_t const* index, RowsElsewhere const& elsewhere, void* out,
               std::int64_t count, std::int64_t row_bytes, cudaStream_t stream);

// out[index[row]] = rows[row].
void put_rows(void const* rows, std::int64_t const* index, void* out, RowPart const& left_out,
              std::int64_t count, std::int64_t row_bytes, cudaStream_t stream);

// Segments one after another: segment s has rows end[s-1] .. end[s]-1, and row i of it gets start[s] + i.
void expand_segments(std::int64_t const* start, std::int64_t const* end, std::int64_t segments,
                     std::int64_t* index, std::int64_t count, cudaStream_t stream);

// One thread that does nothing for so long.
void spin(std::uint64_t ns, cudaStream_t stream);

// One thread that writes the GPU's clock (globaltimer). `at_ns`: memory that the host may read.
void stamp(std::uint64_t* at_ns, cudaStream_t stream);

// Questions of the host and answers of a kernel, in memory that both see while it runs.
struct ClockBox {
    static constexpr std::uint32_t leave = 0xFFFF'FFFF;  // asked so, the kernel ends
    std::uint32_t asked;
    std::uint32_t answered;
    std::uint64_t time_ns;
};
void answer_clock(ClockBox* box, int rounds, cudaStream_t stream);

}  // namespace moewire::kernels
