// When did every rank do what, from the start of a pass to its end? All steps' stamps of few passes, on one
// clock.
#pragma once

#include <cstdint>
#include <vector>

#include "base/grid.hpp"
#include "measure/stamps.hpp"
#include "system/clock.hpp"
#include "system/communicator.hpp"

namespace moewire {

// One rank's passes on its own clock. Shape of both: [iteration]. Unit: seconds.
struct PassTimes {
    explicit PassTimes(std::size_t iterations) : start_s(iterations), took_s(iterations) {}
    std::vector<double> start_s, took_s;
};

// The steps of the kept passes, as times since the first rank began that pass. Unit: seconds on rank 0's
// clock. A step that a layer did not run has zeros.
struct Timeline {
    std::vector<std::int32_t> iteration;       // Shape: [pass]; which iteration it was
    Grid<double, 4> start_s, end_s;            // Shape: [pass, layer, step, rank]
    Grid<double, 2> pass_start_s, pass_end_s;  // Shape: [pass, rank]
    std::size_t passes() const { return iteration.size(); }
};

// Collective, and the same on all ranks: the slowest rank's time of each pass. Shape: [iteration].
std::vector<double> slowest_of(Communicator const& communicator, std::vector<double> const& took_s);

// Which passes are worth keeping: the fastest, the median (nearest rank) and the slowest, in the order in
// which they ran. Ascending, without repetition; empty for nothing. Shape of `took_s`: [iteration].
std::vector<std::int32_t> passes_to_keep(std::vector<double> const& took_s);

// Collective: all ranks. `recorder` saw every step of `passes`, and `offsets` brings ranks onto rank 0's
// clock. Keeps few passes, by the slowest rank of each; empty but on rank 0.
Timeline collect_timeline(Communicator const& communicator, StampRecorder const& recorder,
                          PassTimes const& passes, std::vector<ClockOffset> const& offsets);

}  // namespace moewire
