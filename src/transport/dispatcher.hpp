// Which row goes where, and where does it come back to? The permutation around one exchange of one layer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "assignment/assignment.hpp"
#include "transport/exchange.hpp"

namespace moewire {

// All that one rank needs for the dispatch and the combine of one layer. An *assignment row* is one (token,
// choice); its index is token * top_k + choice.
//
//   tokens --send_order--> send buffer --exchange--> received (source-major) --expert_order--> rows by local
//   expert and back the same way.
struct DispatchPlan {
    std::vector<std::int64_t>
        send_order;  // Shape: [sent row]; its assignment row. By rank, then slot, then token
    std::vector<std::int64_t> sent_position;  // Shape: [assignment row]; its sent row: the inverse
    ExchangePlan exchange;                    // dispatch; the combine is its reverse
    Grid<std::int64_t, 2> received_rows;      // Shape: [source rank, local slot]
    std::vector<std::int64_t> expert_order;   // Shape: [row by expert]; its position in the receive buffer
    std::vector<std::int64_t> slot_end;       // Shape: [local slot]; one past its last row in expert order
};

// First step, local: sorts the rows by destination.
// Shape of `picks`: [token, choice] of this rank. Leaves the receiving side empty.
// `sent_rows`, Shape: [destination rank, slot of that rank], padded to the largest number of slots of any
// rank.
struct SendSide {
    std::vector<std::int64_t> send_order, sent_position;
    std::vector<std::int64_t> send_rows;  // Shape: [destination rank]
    Grid<std::int64_t, 2> rows_of_slot;   // Shape: [destination rank, largest local slot count]
};
SendSide sort_by_destination(Assignment const& assignment, LayerId layer,
                             std::span<std::int32_t const> picks);

// Second step. Collective: all ranks. What each source sends to each of this rank's slots.
// Shape: [source rank, largest local slot count].
Grid<std::int64_t, 2> exchange_counts(Communicator const& communicator, SendSide const& send);

// Third step, local: where received rows belong.
DispatchPlan complete_plan(Assignment const& assignment, LayerId layer, RankId rank, SendSide send,
                           Grid<std::int64_t, 2> const& counts, std::int64_t row_bytes);

// How tokens are packed for the exchange: a file in dispatchers/. All three steps.
struct Dispatcher {
    static constexpr char const* catalogue = "transport/dispatchers";
    // Collective: all ranks.
    std::function<DispatchPlan(Communicator const&, Assignment const&, LayerId,
                               std::span<std::int32_t const> picks, std::int64_t row_bytes)>
        plan;
};

}  // namespace moewire
