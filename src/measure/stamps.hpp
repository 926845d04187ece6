// When did this rank enter and leave each exchange? Host-clock stamps, and what all ranks' stamps say
// together.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/grid.hpp"
#include "system/clock.hpp"
#include "system/communicator.hpp"
#include "transport/steps.hpp"

namespace moewire {

enum class Direction { dispatch, combine };
inline constexpr int direction_count = 2;

// Which steps get stamps. The exchanges alone while times are taken; all steps in the sibling pass that
// explains them, because every further stamp lengthens what it looks at.
enum class Detail { exchanges, all_steps };

// Records one rank's stamps. Preallocated: recording costs one clock reading and one store.
class StampRecorder : public StepObserver {
  public:
    StampRecorder(std::size_t iterations, std::size_t layers, Detail detail);

    // Stamps that follow belong to this iteration; without one (warm-up) they are dropped.
    void begin_iteration(std::optional<std::size_t> iteration);

    void enter(LayerId layer, Step step) override;
    void leave(LayerId layer, Step step) override;

    Detail detail() const { return detail_; }

    // Unit: seconds on this host's clock. Shape: [iteration, layer, step, enter/leave].
    Grid<double, 4> const& stamps() const { return stamps_; }

  private:
    void stamp(LayerId layer, Step step, int edge);

    Detail detail_;
    std::optional<std::size_t> iteration_;
    Grid<double, 4> stamps_;
};

// The times of one direction. All Shape: [iteration, layer, rank]. Unit: seconds.
//   host_s     own entry to own end
//   wait_s     own entry to the last rank's entry (or own end, when that came first)
//   transfer_s the rest; host_s = wait_s + transfer_s
struct DirectionSamples {
    Grid<double, 3> host_s, wait_s, transfer_s;
};

struct Samples {
    DirectionSamples dispatch, combine;
    DirectionSamples migration;  // zero in layers where nothing moves
    // All steps' durations. Shape: [iteration, layer, step, rank]. Filled with Detail::all_steps alone.
    Grid<double, 4> steps_s;
};

// Collective: all ranks. Gathers every rank's stamps on rank 0 and splits waiting from transfer; empty
// elsewhere. `offsets` brings stamps onto rank 0's clock.
Samples collect(Communicator const& communicator, StampRecorder const& recorder,
                std::vector<ClockOffset> const& offsets);

// The split itself, for one exchange. Unit: seconds on one clock. Shape: [rank].
struct WaitSplit {
    std::vector<double> host_s, wait_s, transfer_s;
};
WaitSplit split_wait(std::vector<double> const& entered_s, std::vector<double> const& left_s);

}  // namespace moewire
