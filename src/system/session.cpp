#include "system/session.hpp"

#include <cstdlib>
#include <exception>

#include "base/error.hpp"
#include "base/log.hpp"
#include "system/environment.hpp"
#include "system/mpi.hpp"

namespace moewire {

MpiSession::MpiSession() {
    if (!environment::launched_by_mpi()) return;
    int provided = 0;
    check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    initialised_here_ = true;
    if (provided < MPI_THREAD_FUNNELED) {
        throw failure(
            "mpi", "this MPI grants no MPI_THREAD_FUNNELED (libtorch runs threads); use another MPI build");
    }
    check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    world_ = Communicator(std::make_shared<Communicator::Handle const>(Communicator::Handle{MPI_COMM_WORLD}));
}

MpiSession::~MpiSession() {
    if (!initialised_here_) return;
    // While an exception leaves main, other ranks may be inside a collective: finalising would wait for them.
    if (std::uncaught_exceptions() == 0) MPI_Finalize();
}

void MpiSession::abort(int exit_code) const {
    if (initialised_here_) MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
}

std::string mpi_library_version() {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "unknown";
    std::string const version(text, static_cast<std::size_t>(length));
    return version.substr(0, version.find_first_of(",\n"));
}

}  // namespace moewire
