// Rows that move without being looked at.
#include "gpu/elements.cuh"

namespace moewire::kernels {
namespace {

constexpr unsigned row_threads = 32, rows_of_block = 8;  // a warp a row
constexpr int together = 8;                              // words that a thread has on their way

template <class Word>
__device__ void copy_row(Word const* from, Word* to, std::int64_t words) {
    std::int64_t i = threadIdx.x;
    for (; i + (together - 1) * row_threads < words; i += together * row_threads) {
        Word word[together];
#pragma unroll
        for (int k = 0; k < together; ++k) word[k] = from[i + k * row_threads];
#pragma unroll
        for (int k = 0; k < together; ++k) to[i + k * row_threads] = word[k];
    }
    for (; i < words; i += row_threads) to[i] = from[i];
}

template <class Word, bool Put>
__global__ void copy_rows(Word const* rows, std::int64_t const* index, unsigned divisor,
                          RowsElsewhere elsewhere, Word* out, RowPart left_out, std::int64_t count,
                          std::int64_t words) {
    if (left_out.slot_end != nullptr) {
        left_out.begin = left_out.first == 0 ? 0 : left_out.slot_end[left_out.first - 1];
        left_out.end = left_out.last == 0 ? 0 : left_out.slot_end[left_out.last - 1];
    }
    std::int64_t const row = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
    if (row >= count) return;
    std::int64_t const result = Put ? index[row] : row;
    if (result >= left_out.begin && result < left_out.end) return;
    Word const* const from = Put ? rows + row * words : row_of(rows, index[row], divisor, elsewhere, words);
    copy_row(from, out + result * words, words);
}

struct RowCopy {
    void const* rows;
    std::int64_t const* index;
    unsigned divisor;
    RowsElsewhere elsewhere;
    void* out;
    RowPart left_out;
    std::int64_t count, row_bytes;
    cudaStream_t stream;
};

template <class Word, bool Put>
void launch(RowCopy const& c) {
    auto const blocks = static_cast<unsigned>((c.count + rows_of_block - 1) / rows_of_block);
    copy_rows<Word, Put><<<blocks, dim3(row_threads, rows_of_block), 0, c.stream>>>(
        static_cast<Word const*>(c.rows), c.index, c.divisor, c.elsewhere, static_cast<Word*>(c.out),
        c.left_out, c.count, c.row_bytes / static_cast<std::int64_t>(sizeof(Word)));
}

std::uintptr_t place_of(void const* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

// By words of the largest size that divides a row and its places.
template <bool Put>
void copy(RowCopy const& c) {
    if (c.count == 0 || c.row_bytes == 0) return;
    auto const places = place_of(c.rows) | place_of(c.elsewhere.rows) | place_of(c.out) |
                        static_cast<std::uintptr_t>(c.row_bytes);
    if (places % 16 == 0) {
        launch<int4, Put>(c);
    } else if (places % 2 == 0) {
        launch<std::uint16_t, Put>(c);
    } else {
        launch<std::uint8_t, Put>(c);
    }
}

__global__ void number_segments(std::int64_t const* start, std::int64_t const* end, std::int64_t segments,
                                std::int64_t* index, std::int64_t count) {
    for (std::int64_t row = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x; row < count;
         row += std::int64_t{gridDim.x} * blockDim.x) {
        std::int64_t low = 0, high = segments - 1;  // the first segment that ends behind the row
        while (low < high) {
            std::int64_t const middle = (low + high) / 2;
            if (end[middle] > row) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        index[row] = start[low] + row - (low == 0 ? 0 : end[low - 1]);
    }
}

}  // namespace

void take_rows(void const* rows, std::int64_t const* index, std::int64_t divisor, void* out,
               RowPart const& left_out, std::int64_t count, std::int64_t row_bytes, cudaStream_t stream) {
    copy<false>({rows, index, static_cast<unsigned>(divisor), {}, out, left_out, count, row_bytes, stream});
}

void take_rows(void const* rows, std::int64_t const* index, RowsElsewhere const& elsewhere, void* out,
               std::int64_t count, std::int64_t row_bytes, cudaStream_t stream) {
    copy<false>({rows, index, 1, elsewhere, out, {}, count, row_bytes, stream});
}

void put_rows(void const* rows, std::int64_t const* index, void* out, RowPart const& left_out,
              std::int64_t count, std::int64_t row_bytes, cudaStream_t stream) {
    copy<true>({rows, index, 1, {}, out, left_out, count, row_bytes, stream});
}

void expand_segments(std::int64_t const* start, std::int64_t const* end, std::int64_t segments,
                     std::int64_t* index, std::int64_t count, cudaStream_t stream) {
    if (count == 0) return;
    auto const blocks = static_cast<unsigned>((count + 255) / 256 < 4096 ? (count + 255) / 256 : 4096);
    number_segments<<<blocks, 256, 0, stream>>>(start, end, segments, index, count);
}

}  // namespace moewire::kernels
