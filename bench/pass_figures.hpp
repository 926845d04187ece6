// How long did whole passes take, over ranks and iterations?
#pragma once

#include <cstdint>
#include <vector>

#include "base/grid.hpp"
#include "system/communicator.hpp"

namespace moewire {

// Collective: all ranks. Every rank's [iteration] as [iteration, rank] on rank 0, else nothing.
Grid<double, 2> by_rank(Communicator const& world, std::vector<double> const& mine);

// Of each iteration the layers' slowest ranks together. Shapes: [iteration, layer, rank] -> [iteration].
std::vector<double> passes_of(Grid<double, 3> const& table);

// Their median.
double median_of_passes(Grid<double, 3> const& table);

// Position of `which` in every iteration. Shape of `order`: [iteration, position].
std::vector<std::int32_t> positions_of(Grid<std::int32_t, 2> const& order, std::size_t which);

}  // namespace moewire
