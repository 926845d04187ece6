// Which way do rows take through a node? The two-step exchange on a given map of nodes.
#pragma once

#include "system/node_map.hpp"
#include "transport/exchange.hpp"

namespace moewire {

// Collective: all ranks. Rows first go to the neighbour on their node that has the destination's place, then
// from there to the destination's node. Between nodes each rank then talks to few others, with more at a
// time.
std::unique_ptr<Exchange> make_hierarchical(Communicator const& communicator, MemoryKind memory,
                                            NodeMap nodes);

}  // namespace moewire
