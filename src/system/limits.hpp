// What does the system allow this process? Limits that bite on clusters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace moewire {

struct Limits {
    std::int64_t locked_bytes = 0;  // RLIMIT_MEMLOCK; all of these: -1 without limit
    std::int64_t stack_bytes = 0;
    std::int64_t open_files = 0;
    std::int64_t shared_bytes = 0;  // free in /dev/shm; 0: it is not there
};
Limits limits_here();

// A setting of Open MPI as it stands, e.g. "btl_tcp_eager_limit"; nothing where this MPI has none of the
// name, or has not been started.
std::optional<std::int64_t> mpi_setting(std::string const& name);

}  // namespace moewire
