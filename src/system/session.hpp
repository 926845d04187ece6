// When does MPI live? From the first line of main to the last, and only under a launcher.
#pragma once

#include <string>

#include "system/communicator.hpp"

namespace moewire {

// Initialises MPI when a launcher (mpirun, srun) started this process, and finalises it on destruction.
// Started plainly, MPI is never touched and `world()` is the null communicator.
//
// MPI runs with the returning error handler: with the default one its error codes are dead, because a failing
// call never returns.
class MpiSession {
  public:
    // Throws: failure, when MPI cannot start or grants less than MPI_THREAD_FUNNELED.
    MpiSession();
    ~MpiSession();
    MpiSession(MpiSession const&) = delete;
    MpiSession& operator=(MpiSession const&) = delete;

    Communicator const& world() const { return world_; }

    // Ends all ranks at once with this exit code. Never returns.
    [[noreturn]] void abort(int exit_code) const;

  private:
    bool initialised_here_ = false;
    Communicator world_;
};

// "Open MPI 4.1.4", without initialising MPI.
std::string mpi_library_version();

}  // namespace moewire
