// What do all ranks see together? Demands and byte counts, brought to one table.
#pragma once

#include <cstdint>
#include <string>

#include "assignment/strategy.hpp"
#include "base/grid.hpp"
#include "measure/replay.hpp"
#include "routing/routing.hpp"
#include "system/communicator.hpp"
#include "traffic/traffic.hpp"

namespace moewire {

// Collective: all ranks. The demand of all ranks' routings, the same on every rank.
Demand gather_demand(Communicator const& communicator, Routing const& routing);

// Collective: all ranks. Makes the plans on rank 0, broadcasts them and compares hashes. Throws on all ranks,
// what the strategy throws. `plan_s` receives the planning time.
Schedule schedule_on_root(Communicator const& communicator, std::string const& spec,
                          StreamRequest const& request, double* plan_s);

// Collective: all ranks. What the payload of this dispatcher sends where, from all ranks' routings.
Traffic gather_traffic(Communicator const& communicator, std::string const& dispatcher,
                       Routing const& routing, Demand const& demand, Assignment const& assignment,
                       std::int64_t row_bytes);

// Collective: all ranks. Compares the bytes that the replay's plans really send and receive with each other
// (transpose) and with the traffic computed from the demand. Throws on all ranks: failure.
void check_counts(Communicator const& communicator, Replay const& replay, Traffic const& traffic);

}  // namespace moewire
