// What happens chunk by chunk? Connections with eight slots each, first come first served at everything that
// they share.
//
// A sender copies a chunk into a free slot, then the chunk goes through one resource after the other, whole,
// then over the way, and the receiver copies it out; only then is its slot free again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "simulate/turns.hpp"

namespace moewire {

// One message's part on one channel.
struct Connection {
    double bytes = 0, chunk_bytes = 0;
    double copy_bytes_per_s = 0;  // of its threads, at either end
    double way_s = 0;
    std::vector<std::size_t> path;                                          // resources
    enum class Receiver { copies, is_sender } receiver = Receiver::copies;  // own bytes are copied once
};

inline constexpr int slots_of_connection = 8;     // NCCL_STEPS
inline constexpr double most_chunks = 1'000'000;  // from here on chunks are taken to be longer

// Until the last chunk is copied out. `turns`: of the connections; empty: all start at once. Unit: seconds.
double run_chunks(std::vector<double> const& rates_bytes_per_s, std::vector<Connection> connections,
                  FlowTurns const& turns = {});

}  // namespace moewire
