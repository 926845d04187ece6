// The door to MPI itself, for the rooms that may use it (system and transport).
#pragma once

#include <source_location>

#include <mpi.h>

#include "system/communicator.hpp"

namespace moewire {

struct Communicator::Handle {
    MPI_Comm comm = MPI_COMM_NULL;
};

// The native handle. Throws: contract, for the null communicator, which has none.
MPI_Comm mpi_handle(Communicator const& communicator);

// Throws: failure (source "mpi") with MPI's own text, when `code` is not success.
void check_mpi(int code, char const* call, std::source_location where = std::source_location::current());

}  // namespace moewire
