#include "system/clock.hpp"

#include <filesystem>
#include <fstream>
#include <limits>
#include <time.h>

#include "system/mpi.hpp"

namespace moewire {
namespace {

constexpr int tag = 71;

// Processes with equal identities read the same CLOCK_MONOTONIC.
std::string clock_identity() {
    std::string boot_id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot_id;
    std::error_code missing;  // kernels before 5.6 have no time namespaces
    auto const space = std::filesystem::read_symlink("/proc/self/ns/time", missing).string();
    return boot_id + space;
}

// On rank 0. The round trip with the least delay bounds the offset best.
ClockOffset measure_peer(MPI_Comm comm, int peer, int rounds) {
    ClockOffset best{0, std::numeric_limits<double>::infinity(), "ping-pong"};
    for (int round = 0; round < rounds; ++round) {
        double theirs_s = 0;
        double const sent_s = monotonic_s();
        check_mpi(MPI_Send(&theirs_s, 1, MPI_DOUBLE, peer, tag, comm), "MPI_Send");
        check_mpi(MPI_Recv(&theirs_s, 1, MPI_DOUBLE, peer, tag, comm, MPI_STATUS_IGNORE), "MPI_Recv");
        double const back_s = monotonic_s();
        double const half_s = (back_s - sent_s) / 2;
        if (half_s < best.bound_s) {
            best.bound_s = half_s;
            best.offset_s = theirs_s - (sent_s + half_s);
        }
    }
    return best;
}

void answer_root(MPI_Comm comm, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        double ignored = 0;
        check_mpi(MPI_Recv(&ignored, 1, MPI_DOUBLE, 0, tag, comm, MPI_STATUS_IGNORE), "MPI_Recv");
        double const now_s = monotonic_s();
        check_mpi(MPI_Send(&now_s, 1, MPI_DOUBLE, 0, tag, comm), "MPI_Send");
    }
}

}  // namespace

void AwakeClock::look() {
    double const now_s = monotonic_s();
    if (now_s - looked_s_ > 1) since_s_ = now_s;
    looked_s_ = now_s;
}

double monotonic_s() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::vector<ClockOffset> clock_offsets(Communicator const& communicator, ClockMethod method, int rounds) {
    std::vector<ClockOffset> offsets(static_cast<std::size_t>(communicator.size()), {0, 0, "same clock"});
    if (communicator.size() == 1) return offsets;

    auto const mine = clock_identity();
    bool const shared = method == ClockMethod::automatic && mine == communicator.broadcast(mine);
    for (int peer = 1; peer < communicator.size(); ++peer) {
        auto const at = static_cast<std::size_t>(peer);
        bool const this_peer = static_cast<int>(communicator.rank()) == peer;
        if (communicator.sum(std::int64_t{this_peer && shared ? 1 : 0}) > 0) continue;
        if (communicator.is_root()) offsets[at] = measure_peer(mpi_handle(communicator), peer, rounds);
        if (this_peer) answer_root(mpi_handle(communicator), rounds);
        std::vector<double> numbers{offsets[at].offset_s, offsets[at].bound_s};
        communicator.broadcast(numbers);
        offsets[at] = {numbers[0], numbers[1], "ping-pong"};
    }
    return offsets;
}

}  // namespace moewire
