// How fast is a plain uniform exchange here? A short sweep over sizes, the calibration's input.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "measure/cadence.hpp"
#include "system/clock.hpp"
#include "system/communicator.hpp"
#include "traffic/matrix_file.hpp"
#include "transport/exchange.hpp"

namespace moewire {

struct SweepPoint {
    std::uint64_t busiest_bytes = 0;  // what each port really carried (sizes are rounded to rows)
    double p50_s = 0;                 // median over iterations of the maximum over ranks of transfer_s
    std::vector<double> samples_s;    // Shape: [iteration]; the maxima over ranks
};

// Collective: all ranks. Every rank sends the same number of rows to every rank, itself included (as routed
// tokens do), so that each port carries about the asked bytes. Sizes are interleaved at random. The result is
// complete on rank 0 and empty elsewhere.
std::vector<SweepPoint> sweep_uniform(Communicator const& communicator, Exchange& exchange,
                                      std::span<std::uint64_t const> busiest_bytes, std::int64_t row_bytes,
                                      std::size_t iterations, std::uint64_t seed,
                                      std::vector<ClockOffset> const& offsets);

// Collective: all ranks. Any exchanges, in whole rows: interleaved at random and timed as a replay is, behind
// a barrier each (eager), or all of an iteration in one graph behind one barrier (on a GPU). Per matrix the samples, Shape: [iteration], each the maximum over ranks of transfer_s;
// complete on rank 0 and empty elsewhere.
std::vector<std::vector<double>> sweep_matrices(Communicator const& communicator, Exchange& exchange,
                                                std::span<ByteMatrix const> matrices, std::int64_t row_bytes,
                                                std::size_t iterations, std::uint64_t seed,
                                                std::vector<ClockOffset> const& offsets,
                                                Launch launch = Launch::eager);

}  // namespace moewire
