// What does one exchange look like to NCCL? The few numbers that its regime follows from.
#pragma once

#include <cstdint>
#include <span>
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

// Row by row, for whoever reads the matrix anyway.
class NcclExchangeSums {
  public:
    NcclExchangeSums(std::size_t ranks, NcclRules const& rules);
    void add_row(std::size_t source, std::span<std::uint64_t const> row);
    // Once all rows were added. `scenario`: whose rows they were.
    NcclExchange exchange(Scenario const& scenario) const;

  private:
    std::uint64_t most_ll_bytes_;
    std::vector<std::uint64_t> sums_, messages_;  // Shape: [destination], what others send
    NcclExchange so_far_;
    std::uint64_t longest_between_ = 0, most_messages_ = 0, short_messages_ = 0;
};

NcclExchange nccl_exchange(Scenario const& scenario, NcclRules const& rules);

// The longest message of at most these bytes; 0 where there is none.
std::uint64_t longest_message_up_to(Grid<std::uint64_t, 2> const& bytes, std::uint64_t most_bytes);

// Traits of models that follow NCCL's rules.
double nccl_floor_s(ModelParameters const& parameters);
std::vector<std::uint64_t> nccl_edges_bytes(Topology const& topology, ModelParameters const& parameters);

}  // namespace moewire
