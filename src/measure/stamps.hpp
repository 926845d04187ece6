// When did this rank enter and leave each exchange? Host-clock stamps, and what all ranks' stamps say
// together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/grid.hpp"
#include "gpu/device.hpp"
#include "system/clock.hpp"
#include "system/communicator.hpp"
#include "transport/exchange.hpp"
#include "transport/steps.hpp"

namespace moewire {

enum class Direction { dispatch, combine };
inline constexpr int direction_count = 2;

// Which steps get stamps. The exchanges alone while times are taken; all steps in the sibling pass that
// explains them, because every further stamp lengthens what it looks at. `with_permutation`: from the moment
// at which a rank knows its plan to the end of the dispatch (what of the permutation is still to be waited
// for included), and from the beginning of the combine to the end of the unpermutation, as if each were an
// exchange. `settled`: what that is to be held against, on a GPU: from the same moment to the end of the
// dispatch, but the GPU is waited for before it, so that nothing of the permutation is left; and the combine
// alone. (Stamps of exchanges begin later, when the GPU gets to them.) On a host as `exchanges`. `events`: on
// a GPU, events around exchanges alone, hence device_s and nothing else; on a host as `exchanges`.
enum class Detail { exchanges, all_steps, with_permutation, settled, events };

// Records one rank's stamps. Preallocated. On the host: recording costs one clock reading and one store. On a
// GPU: a kernel of one thread, which stores the GPU's clock, and an event.
class StampRecorder : public StepObserver {
  public:
    StampRecorder(std::size_t iterations, std::size_t layers, Detail detail,
                  MemoryKind where = MemoryKind::host);

    // Stamps that follow belong to this iteration; without one (warm-up) they are dropped.
    void begin_iteration(std::optional<std::size_t> iteration);

    // On a GPU: waits for it and brings its stamps onto the host's clock. To be called after the last step.
    void end_iteration();

    // On a GPU: marks made so far are not looked at again. Not where a graph holds them.
    void forget_marks() { std::fill(marked_.begin(), marked_.end(), unmarked); }

    void enter(LayerId layer, Step step) override;
    void leave(LayerId layer, Step step) override;

    bool is_in_iteration() const { return iteration_.has_value(); }
    Detail detail() const { return detail_; }
    MemoryKind where() const { return where_; }

    // Unit: seconds on this host's clock. Shape: [iteration, layer, step, enter/leave].
    Grid<double, 4> const& stamps() const { return stamps_; }

    // Between two events, on a GPU alone. Unit: seconds. Shape: [iteration, layer, step].
    Grid<double, 3> const& device_s() const { return device_s_; }

    // How far a stamp of the GPU may be off on the host's clock. Unit: seconds.
    double clock_bound_s() const { return clock_bound_s_; }

  private:
    void stamp(LayerId layer, Step step, int edge);

    Detail detail_;
    MemoryKind where_;
    std::optional<std::size_t> iteration_;
    Grid<double, 4> stamps_;
    Grid<double, 3> device_s_;
    std::unique_ptr<DeviceMarks> marks_;  // one for each [layer, step, edge], used again in each iteration
    enum Mark : char { unmarked, of_device, of_host };
    std::vector<Mark> marked_;  // Shape: [layer, step, edge]
    double clock_bound_s_ = 0;
};

// The times of one direction. All Shape: [iteration, layer, rank]. Unit: seconds.
//   host_s     own entry to own end
//   wait_s     own entry to the last rank's entry (or own end, when that came first)
//   transfer_s the rest; host_s = wait_s + transfer_s
//   device_s   between two events of the GPU around the exchange; empty on hosts
// On a GPU entry and end are those of its stream, by its own clock brought onto the host's.
struct DirectionSamples {
    Grid<double, 3> host_s, wait_s, transfer_s, device_s;
};

struct Samples {
    DirectionSamples dispatch, combine;
    DirectionSamples migration;  // zero in layers where nothing moves
    // All steps' durations. Shape: [iteration, layer, step, rank]. Filled with Detail::all_steps alone.
    Grid<double, 4> steps_s;
    double clock_bound_s = 0;  // the largest over ranks
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
