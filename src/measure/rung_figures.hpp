// What do the samples of one rung say? Percentiles over the slowest rank, and bandwidths as nccl-tests has
// them.
#pragma once

#include <cstdint>

#include "base/grid.hpp"
#include "base/statistics.hpp"
#include "traffic/matrix_file.hpp"

namespace moewire {

// Times are over iterations; of each iteration the slowest rank counts. Percentiles are nearest-rank.
struct RungFigures {
    Quantile p50;  // with its 95 % interval; p50.samples: n
    double p95_s = 0, p99_s = 0;
    double fastest_rank_s = 0;     // median over iterations of the least over ranks
    std::int64_t stragglers = 0;   // iterations beyond straggler_factor x median
    std::uint64_t size_bytes = 0;  // what the busiest rank sends or receives, itself included
    double algbw_bytes_per_s = 0;  // size over the median; 0 where nothing was exchanged
    double busbw_bytes_per_s = 0;  // algbw x (ranks - 1) / ranks, whatever part stays at home
};

inline constexpr double straggler_factor = 1.5;

// Shape of `rank_s`: [iteration, rank]; of `bytes`: [source, destination].
// Source: NVIDIA/nccl-tests 2.19.6, AlltoAllGetBw and AlltoAllvGetBw.
RungFigures figures_of(Grid<double, 2> const& rank_s, ByteMatrix const& bytes);

}  // namespace moewire
