#include "system/limits.hpp"

#include <sys/resource.h>
#include <sys/statvfs.h>

#include "system/environment.hpp"
#include "system/mpi.hpp"

namespace moewire {
namespace {

std::int64_t limit(decltype(RLIMIT_STACK) what) {
    rlimit found{};
    if (::getrlimit(what, &found) != 0) return 0;
    return found.rlim_cur == RLIM_INFINITY ? -1 : static_cast<std::int64_t>(found.rlim_cur);
}

// The tools interface of MPI, from construction to destruction.
class Tools {
  public:
    Tools() {
        int granted = 0;
        works_ = MPI_T_init_thread(MPI_THREAD_SINGLE, &granted) == MPI_SUCCESS;
    }
    ~Tools() {
        if (works_) MPI_T_finalize();
    }
    Tools(Tools const&) = delete;
    Tools& operator=(Tools const&) = delete;
    bool works() const { return works_; }

  private:
    bool works_ = false;
};

std::optional<std::int64_t> read_variable(int index) {
    MPI_T_cvar_handle handle = MPI_T_CVAR_HANDLE_NULL;
    int count = 0;
    if (MPI_T_cvar_handle_alloc(index, nullptr, &handle, &count) != MPI_SUCCESS) return std::nullopt;
    // Wide enough for every integer type that a variable may have; little end first.
    std::int64_t value = 0;
    bool const read = count == 1 && MPI_T_cvar_read(handle, &value) == MPI_SUCCESS;
    MPI_T_cvar_handle_free(&handle);
    return read ? std::optional(value) : std::nullopt;
}

}  // namespace

Limits limits_here() {
    struct statvfs shared {};
    bool const there = ::statvfs("/dev/shm", &shared) == 0;
    return {limit(RLIMIT_MEMLOCK), limit(RLIMIT_STACK), limit(RLIMIT_NOFILE),
            there ? static_cast<std::int64_t>(shared.f_bavail * shared.f_frsize) : 0};
}

std::optional<std::int64_t> mpi_setting(std::string const& name) {
    if (!environment::launched_by_mpi()) return std::nullopt;
    Tools const tools;
    int index = 0;
    if (!tools.works() || MPI_T_cvar_get_index(name.c_str(), &index) != MPI_SUCCESS) return std::nullopt;
    return read_variable(index);
}

}  // namespace moewire
