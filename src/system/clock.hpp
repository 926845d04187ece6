// When did it happen, on whose clock? One host clock, and how far other ranks' clocks are off.
#pragma once

#include <string>
#include <vector>

#include "system/communicator.hpp"

namespace moewire {

// The host's steady clock. Unit: seconds since an arbitrary moment, the same for all processes of one boot.
double monotonic_s();

// Since when has this process run without a pause? For a thread that looks several times a second: where it
// could not for a whole second, the process was stopped or its machine asleep, and waited for nobody.
class AwakeClock {
  public:
    void look();
    double since_s() const { return since_s_; }  // on monotonic_s(); at the latest look

  private:
    double looked_s_ = 0, since_s_ = 0;
};

// How a rank's clock relates to rank 0's: time on rank 0 = own time - offset_s, within +-bound_s.
struct ClockOffset {
    double offset_s = 0;
    double bound_s = 0;  // half the shortest round trip; 0 where both processes read one clock
    std::string method;  // "same clock" or "ping-pong"
};

enum class ClockMethod { automatic, ping_pong };

// Collective: all ranks. One entry a rank, the same on all ranks. `automatic` uses the shared clock of ranks
// that run on rank 0's boot and time namespace, and ping-pong for the others; `rounds` round trips a rank.
// Source: Cristian 1989, probabilistic clock synchronisation.
std::vector<ClockOffset> clock_offsets(Communicator const& communicator,
                                       ClockMethod method = ClockMethod::automatic, int rounds = 200);

}  // namespace moewire
