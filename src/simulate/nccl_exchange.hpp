// What does one exchange look like to NCCL? The few numbers that its regime follows from.
#pragma once

#include <cstdint>
#include <vector>

#include "simulate/cost_model.hpp"
#include "simulate/nccl_costs.hpp"

namespace moewire {

struct NcclExchange {
    std::uint64_t total_bytes = 0;             // own bytes included
    std::uint64_t busiest_rank_bytes = 0;      // sent to others, or got from them, by one rank
    std::uint64_t longest_bytes = 0;           // of one message, own bytes included
    int messages = 0;                          // the most that one rank sends to others, or gets from them
    NcclProtocol protocol = NcclProtocol::ll;  // simple, as soon as one message between ranks is
    bool has_ll = false;                       // does any message between ranks go by LL?
    double latency_s = 0;                      // of the longest way that bytes take
};

// In one pass over the matrix. `crossing_bytes` gets what crosses each resource on the wire, as
// Topology::crossing_bytes() gives it: messages by LL count twice.
NcclExchange nccl_exchange(Scenario const& scenario, NcclRules const& rules,
                           std::vector<double>* crossing_bytes = nullptr);

// The longest message of at most these bytes; 0 where there is none.
std::uint64_t longest_message_up_to(Grid<std::uint64_t, 2> const& bytes, std::uint64_t most_bytes);

// Traits of models that follow NCCL's rules.
double nccl_floor_s(ModelParameters const& parameters);
std::vector<std::uint64_t> nccl_edges_bytes(Topology const& topology, ModelParameters const& parameters);

}  // namespace moewire
