// Which resource is busy for longest? The bound, where what crosses each is known already.
#pragma once

#include <vector>

#include "simulate/cost_model.hpp"

namespace moewire {

// Shape of `crossing_bytes`: [resource], as Topology::crossing_bytes() gives them.
Bound busiest_of(Topology const& topology, std::vector<double> const& crossing_bytes);

}  // namespace moewire
