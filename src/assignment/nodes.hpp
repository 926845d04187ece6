// Which ranks share a node? The machine's own nodes, or as many as a setting asks for.
#pragma once

#include <vector>

#include "assignment/strategy.hpp"

namespace moewire {

// The setting `nodes`: 0 takes the machine's.
Setting nodes_setting();

// Ranks of each node. Shape: [node][rank].
// Throws: usage, when `nodes` does not divide the ranks.
std::vector<std::vector<std::int32_t>> ranks_by_node(PlanRequest const& request);

// The same as an id for each rank. Shape: [rank].
std::vector<std::int32_t> node_ids(PlanRequest const& request);

}  // namespace moewire
