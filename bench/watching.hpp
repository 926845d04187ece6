// What does it cost to watch a pass, and what does permutation add to an exchange? A few passes, watched in
// turn in every way there is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "measure/stamps.hpp"
#include "measure/timeline.hpp"
#include "system/clock.hpp"
#include "system/communicator.hpp"
#include "trace/record.hpp"

namespace moewire {

// What watches a pass: nobody, events around exchanges, the stamps of exchanges that times are taken from,
// those of all steps, those of exchanges and the permutations around them, or those of exchanges that begin
// when nothing of a permutation is left.
enum class Watched { by_nobody, events, exchanges, all_steps, with_permutation, settled };

class Watching {
  public:
    // One pass; without an iteration it warms up.
    using RunPass =
        std::function<void(StampRecorder&, PassTimes&, std::optional<std::size_t> iteration, Watched)>;

    // Collective: all ranks. At most 200 passes of each kind, in changing order.
    void run(Communicator const& world, std::vector<ClockOffset> const& offsets, MemoryKind memory,
             std::size_t layers, std::int64_t iterations, std::uint64_t seed, RunPass const& run_pass);

    // Nothing before run(). What each kind adds to a pass that nobody watches (the median over iterations of
    // the ratio of two passes, less one; that of events with its 95 % interval); the exchanges of a pass in
    // seconds, alone, with their permutations and without; and what the permutation adds to dispatches, and
    // the weighted sum to combines, and both to both, in ratio, with its interval. Filled on rank 0 alone.
    Attributes const& found() const { return found_; }

  private:
    Attributes found_;
};

}  // namespace moewire
