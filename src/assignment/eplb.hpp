// Where do copies of hot experts go? The published EPLB planner, for one layer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assignment/packing.hpp"

namespace moewire {

struct EplbShape {
    int ranks = 1;
    int nodes = 1;   // ranks / nodes consecutive ranks each
    int groups = 1;  // of consecutive experts, each kept on one node
    std::int32_t slots_per_rank = 1;
};

// Two copies of one expert on one rank waste a slot. `kept` is the published algorithm; `avoided` then makes,
// while some swap of two slots can part such copies, the swap that leaves the lower of larger loads, and
// further swaps while the busiest rank has more than before.
enum class Doubles { kept, avoided };

// Groups are packed on nodes, hot experts copied within a node, copies packed on its ranks; where groups do
// not divide by nodes, everything is one group on one node.
// Shape of `load`: [expert]. Result: [slot], ranks x slots_per_rank of them.
// Source: deepseek-ai/EPLB, eplb.py.
std::vector<PlacedSlot> plan_eplb(std::span<double const> load, EplbShape const& shape,
                                  Doubles doubles = Doubles::avoided);

}  // namespace moewire
