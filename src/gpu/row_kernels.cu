// Rows that move without being looked at.
#include "gpu/kernels.cuh"

namespace moewire::kernels {
namespace {

// A block a row; words of the largest size that divides a row and its place.
template <class Word, bool Put>
__global__ void copy_rows(Word const* rows, std::int64_t const* index, std::int64_t divisor, Word* out,
                          Aside aside, std::int64_t words) {
    std::int64_t const row = blockIdx.x, there = index[row] / divisor, result = Put ? there : row;
    auto const* from = rows + (Put ? row : there) * words;
    bool const is_aside = result >= aside.begin && result < aside.end;
    auto* to = is_aside ? static_cast<Word*>(aside.to) + (result - aside.begin) * words : out + result * words;
    for (std::int64_t i = threadIdx.x; i < words; i += blockDim.x) to[i] = from[i];
}

template <class Word, bool Put>
void launch(void const* rows, std::int64_t const* index, std::int64_t divisor, void* out, Aside aside,
            std::int64_t count, std::int64_t row_bytes, cudaStream_t stream) {
    auto const words = row_bytes / static_cast<std::int64_t>(sizeof(Word));
    int const threads = words >= 256 ? 256 : words >= 128 ? 128 : words >= 64 ? 64 : 32;
    copy_rows<Word, Put><<<static_cast<unsigned>(count), threads, 0, stream>>>(
        static_cast<Word const*>(rows), index, divisor, static_cast<Word*>(out), aside, words);
}

template <bool Put>
void copy(void const* rows, std::int64_t const* index, std::int64_t divisor, void* out, Aside aside,
          std::int64_t count, std::int64_t row_bytes, cudaStream_t stream) {
    if (count == 0 || row_bytes == 0) return;
    auto const places = reinterpret_cast<std::uintptr_t>(rows) | reinterpret_cast<std::uintptr_t>(out) |
                        reinterpret_cast<std::uintptr_t>(aside.to) |
                        static_cast<std::uintptr_t>(row_bytes);
    if (places % 16 == 0) {
        launch<int4, Put>(rows, index, divisor, out, aside, count, row_bytes, stream);
    } else if (places % 2 == 0) {
        launch<std::uint16_t, Put>(rows, index, divisor, out, aside, count, row_bytes, stream);
    } else {
        launch<std::uint8_t, Put>(rows, index, divisor, out, aside, count, row_bytes, stream);
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

void take_rows(void const* rows, std::int64_t const* index, std::int64_t divisor, void* out, Aside aside,
               std::int64_t count, std::int64_t row_bytes, cudaStream_t stream) {
    copy<false>(rows, index, divisor, out, aside, count, row_bytes, stream);
}

void put_rows(void const* rows, std::int64_t const* index, void* out, Aside aside, std::int64_t count,
              std::int64_t row_bytes, cudaStream_t stream) {
    copy<true>(rows, index, 1, out, aside, count, row_bytes, stream);
}

void expand_segments(std::int64_t const* start, std::int64_t const* end, std::int64_t segments,
                     std::int64_t* index, std::int64_t count, cudaStream_t stream) {
    if (count == 0) return;
    auto const blocks = static_cast<unsigned>((count + 255) / 256 < 4096 ? (count + 255) / 256 : 4096);
    number_segments<<<blocks, 256, 0, stream>>>(start, end, segments, index, count);
}

}  // namespace moewire::kernels
