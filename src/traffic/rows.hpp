// How many rows does one rank send to each other? Counted from its routing, one function a payload.
#pragma once

#include <cstdint>

#include "assignment/assignment.hpp"
#include "base/grid.hpp"
#include "routing/routing.hpp"

namespace moewire {

// All: Shape of the result [layer, destination rank]; `demand` is that of all ranks.
// Throws: contract, when shapes disagree.

// A row for every (token, chosen expert) pair.
Grid<std::int64_t, 2> rows_per_expert(Routing const& routing, Demand const& demand, RankId source,
                                      Assignment const& assignment);

// A row for every (token, rank that holds any of its experts) pair.
Grid<std::int64_t, 2> rows_per_rank(Routing const& routing, Demand const& demand, RankId source,
                                    Assignment const& assignment);

// Equal blocks for every source and slot, of the layer's largest count.
Grid<std::int64_t, 2> rows_padded(Routing const& routing, Demand const& demand, RankId source,
                                  Assignment const& assignment);

}  // namespace moewire
