// Rows that move without being looked at.
#include <algorithm>

#include "gpu/kernels.cuh"

namespace moewire::kernels {
namespace {

constexpr unsigned row_threads = 32;  // a warp a row
// One processor holds one such block and nothing else: a few of them leave the others to an exchange.
constexpr unsigned whole_processor = 1024 / row_threads, rows_of_block = 8;
constexpr int together = 8;  // words that a thread has on their way

// Which result rows does a kernel write? All but a part, or that part alone.
enum class Wanted { others, part };

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

template <class Word, bool Put, Wanted Which>
__global__ void __launch_bounds__(1024)
    copy_rows(Word const* rows, std::int64_t const* index, unsigned divisor, Word* out, RowPart part,
              std::int64_t count, std::int64_t words) {
    if (part.slot_end != nullptr) {
        part.begin = part.first == 0 ? 0 : part.slot_end[part.first - 1];
        part.end = part.last == 0 ? 0 : part.slot_end[part.last - 1];
    }
    for (std::int64_t row = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y; row < count;
         row += std::int64_t{gridDim.x} * blockDim.y) {
        std::int64_t const result = Put ? index[row] : row;
        bool const is_inside = result >= part.begin && result < part.end;
        if (is_inside != (Which == Wanted::part)) continue;
        // Rows are fewer than 2^32: a division of 64 bits takes longer than the row's copy.
        std::int64_t const source = Put ? row : static_cast<unsigned>(index[row]) / divisor;
        std::int64_t const origin = Which == Wanted::part ? part.begin : 0;
        copy_row(rows + source * words, out + (result - origin) * words, words);
    }
}

struct RowCopy {
    void const* rows;
    std::int64_t const* index;
    std::int64_t divisor;
    void* out;
    RowPart part;
    std::int64_t count, row_bytes;
    int most_blocks;  // 0: a warp for every row
    cudaStream_t stream;
};

template <class Word, bool Put, Wanted Which>
void launch(RowCopy const& c) {
    unsigned const high = c.most_blocks > 0 ? whole_processor : rows_of_block;
    auto blocks = (c.count + high - 1) / high;
    if (c.most_blocks > 0) blocks = std::min(blocks, std::int64_t{c.most_blocks});
    copy_rows<Word, Put, Which><<<static_cast<unsigned>(blocks), dim3(row_threads, high), 0, c.stream>>>(
        static_cast<Word const*>(c.rows), c.index, static_cast<unsigned>(c.divisor),
        static_cast<Word*>(c.out), c.part, c.count, c.row_bytes / static_cast<std::int64_t>(sizeof(Word)));
}

// By words of the largest size that divides a row and its place.
template <bool Put, Wanted Which>
void copy(RowCopy const& c) {
    if (c.count == 0 || c.row_bytes == 0) return;
    auto const places = reinterpret_cast<std::uintptr_t>(c.rows) | reinterpret_cast<std::uintptr_t>(c.out) |
                        static_cast<std::uintptr_t>(c.row_bytes);
    if (places % 16 == 0) {
        launch<int4, Put, Which>(c);
    } else if (places % 2 == 0) {
        launch<std::uint16_t, Put, Which>(c);
    } else {
        launch<std::uint8_t, Put, Which>(c);
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
    copy<false, Wanted::others>({rows, index, divisor, out, left_out, count, row_bytes, 0, stream});
}

void put_rows(void const* rows, std::int64_t const* index, void* out, RowPart const& left_out,
              std::int64_t count, std::int64_t row_bytes, cudaStream_t stream) {
    copy<true, Wanted::others>({rows, index, 1, out, left_out, count, row_bytes, 0, stream});
}

void take_rows_by_some(void const* rows, std::int64_t const* index, std::int64_t divisor, void* out,
                       std::int64_t count, std::int64_t row_bytes, int processors, cudaStream_t stream) {
    copy<false, Wanted::others>({rows, index, divisor, out, {}, count, row_bytes, processors, stream});
}

void put_rows_by_some(void const* rows, std::int64_t const* index, void* out, RowPart const& part,
                      std::int64_t count, std::int64_t row_bytes, int processors, cudaStream_t stream) {
    copy<true, Wanted::part>({rows, index, 1, out, part, count, row_bytes, processors, stream});
}

void expand_segments(std::int64_t const* start, std::int64_t const* end, std::int64_t segments,
                     std::int64_t* index, std::int64_t count, cudaStream_t stream) {
    if (count == 0) return;
    auto const blocks = static_cast<unsigned>((count + 255) / 256 < 4096 ? (count + 255) / 256 : 4096);
    number_segments<<<blocks, 256, 0, stream>>>(start, end, segments, index, count);
}

}  // namespace moewire::kernels
