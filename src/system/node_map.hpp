// Which ranks share a host?
#pragma once

#include <string>
#include <vector>

#include "system/communicator.hpp"

namespace moewire {

struct NodeMap {
    std::vector<int> node_of_rank;  // numbered in the order of their first rank
    int nodes = 1;
    int cores = 1;                          // of one node, the least
    std::vector<std::string> host_of_node;  // names; equal ones are told apart by #2, #3

    int ranks_with(RankId rank) const;  // on this rank's node, itself included
    int place_of(RankId rank) const;    // how many lower ranks are on its node
};

// Collective: all ranks. The same on all ranks.
NodeMap node_map_of(Communicator const& world);

}  // namespace moewire
