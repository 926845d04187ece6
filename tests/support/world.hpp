// The ranks that this test program was started with; rank 0 of 1 without mpirun.
#pragma once

#include "system/communicator.hpp"

namespace moewire {

Communicator const& world();

}  // namespace moewire
