// Which bytes go where, written down? The matrix file of nccl-tests' alltoallv_perf, read and written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/grid.hpp"

namespace moewire {

// Bytes from each rank (row) to each rank (column), itself included. Shape: [source, destination].
using ByteMatrix = Grid<std::uint64_t, 2>;

// What a matrix may hold: no machine has more, and sums over all ranks stay far from 2^64.
inline constexpr std::size_t most_matrix_ranks = 4096;
inline constexpr std::uint64_t most_pair_bytes = std::uint64_t{1} << 50;

// Bytes of a pair are multiples of this: nccl-tests rounds every value down to it, and so do we.
inline constexpr std::uint64_t matrix_step_bytes = 16;

// Numbers between white space, one row a line, empty lines skipped; 1e6, 1.5 and 0x10 are numbers too;
// nothing else, comments neither. Each value is multiplied by `scale`, cut to whole bytes and rounded down
// to 16. Throws: usage (source "matrix"), naming `name`, row and column, for anything else, a matrix that is
// empty or not square, a negative value, one above 1 PiB, more than 4096 ranks. Source:
// NVIDIA/nccl-tests 2.19.6, src/alltoallv.cu; what it leaves undefined (nan, a zero byte) is refused.
ByteMatrix parse_matrix(std::string_view text, std::string_view name, double scale = 1);
ByteMatrix read_matrix(std::filesystem::path const& path, double scale = 1);

// The same format: whole numbers, one row a line. Throws: failure, when the file cannot be written.
std::string matrix_text(ByteMatrix const& bytes);
void write_matrix(std::filesystem::path const& path, ByteMatrix const& bytes);

// The most that any rank sends or receives, itself included: what nccl-tests calls the size, and divides by
// the time. Unit: bytes.
std::uint64_t busiest_rank_bytes(ByteMatrix const& bytes);

}  // namespace moewire
