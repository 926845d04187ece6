// Which row goes where, and where does it come back to? The permutation around one exchange of one layer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "assignment/assignment.hpp"
#include "routing/routing.hpp"
#include "transport/exchange.hpp"

namespace moewire {

// A sent row that fills a block up and belongs to no token.
inline constexpr std::int64_t padding_row = -1;

// All that one rank needs for the dispatch and the combine of one layer. An *assignment row* is one (token,
// choice); its index is token * top_k + choice. An *answer* is a sent row that came back.
//
//   tokens --token_of_sent--> send buffer --exchange--> received (source-major) --expert_order--> rows by
//   local expert --the same way back--> answers --home_order--> summed token by token
//
// Each result is weighted once: at home (`choice_of_answer`), or where the experts are (`away_weights`),
// where several experts' results share one row.
struct DispatchPlan {
    std::vector<std::int64_t> token_of_sent;  // Shape: [sent row]; by rank; or padding_row
    ExchangePlan exchange;                    // dispatch; the combine is its reverse
    std::vector<std::int64_t> expert_order;   // Shape: [row by expert]; its position in the receive buffer
    std::vector<std::int64_t> slot_end;       // Shape: [local slot]; one past its last row in expert order
    std::vector<float> away_weights;          // Shape: [row by expert], or empty
    std::vector<std::int64_t> home_start;     // Shape: [token]; its first answer in home_order
    std::vector<std::int64_t> home_order;     // Shape: [answer]; its sent row
    std::vector<std::int64_t>
        choice_of_answer;  // Shape: [answer]; the assignment row that weighs it, or empty
};

// What a plan is made from. Shape of `picks` and `weights`: [token, choice] of this rank; no weights count as
// ones.
struct DispatchRequest {
    Communicator const& communicator;
    Assignment const& assignment;
    LayerId layer;
    std::span<std::int32_t const> picks;
    std::size_t top_k = 1;
    std::span<float const> weights;
    std::int64_t row_bytes = 0;
};

// How tokens are packed for the exchange: a file in dispatchers/.
struct Dispatcher {
    static constexpr char const* catalogue = "transport/dispatchers";
    // Collective: all ranks.
    std::function<DispatchPlan(DispatchRequest const&)> plan;
    // The rows that `source` will send to each rank, from its routing and everybody's demand, without a plan:
    // predictions are made from them. Shape of the result: [layer, destination rank].
    std::function<Grid<std::int64_t, 2>(Routing const&, Demand const&, RankId source, Assignment const&)>
        rows;
};

// Steps that dispatchers with one row for each choice share. First, local: rows sorted by slot.
struct SendSide {
    std::vector<std::int64_t> row_of_sent;  // Shape: [sent row]; its assignment row. By slot, then token
    std::vector<std::int64_t> slot_start;   // Shape: [slot + 1]; its first sent row
    Grid<std::int64_t, 2> rows_of_slot;     // Shape: [destination rank, largest local slot count]
};
SendSide sort_by_slot(DispatchRequest const& request);

// The counts of all slots of a layer, rank by rank. Shape of `of_slot`: [slot].
// Shape: [destination rank, largest local slot count].
Grid<std::int64_t, 2> rows_by_rank(Assignment const& assignment, LayerId layer,
                                   std::span<std::int64_t const> of_slot);

// Second. Collective: all ranks. What each source sends to each of this rank's slots.
// Shape: [source rank, largest local slot count].
Grid<std::int64_t, 2> exchange_counts(Communicator const& communicator, LayerId layer,
                                      Grid<std::int64_t, 2> const& rows_of_slot);

// What a rank waits for meanwhile, for messages: "layer 3, counts".
std::string counts_label(LayerId layer);

// Third, local: the answers of each token, when `position[row]` is the sent row of an assignment row, or
// negative.
void set_home_side(std::vector<std::int64_t> const& position, std::size_t top_k, DispatchPlan& plan);

// Used slots of a layer.
std::size_t used_slots(Assignment const& assignment, LayerId layer);

}  // namespace moewire
