// A token travels once for every expert that it chose, also when several live on one rank.
#include <numeric>
#include <utility>

#include "base/registry.hpp"
#include "traffic/rows.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

// Where received rows belong: from source-major to slot-major.
void set_away_side(Grid<std::int64_t, 2> const& counts, std::size_t slots, DispatchPlan& plan) {
    auto const& received = plan.exchange.receive_rows;
    std::vector<std::int64_t> next(received.size());
    std::exclusive_scan(received.begin(), received.end(), next.begin(), std::int64_t{0});
    plan.expert_order.reserve(static_cast<std::size_t>(plan.exchange.total_receive_rows()));
    for (std::size_t slot = 0; slot < slots; ++slot) {
        for (std::size_t source = 0; source < received.size(); ++source) {
            for (std::int64_t i = 0; i < counts(source, slot); ++i)
                plan.expert_order.push_back(next[source]++);
        }
        plan.slot_end.push_back(static_cast<std::int64_t>(plan.expert_order.size()));
    }
}

DispatchPlan plan(DispatchRequest const& request) {
    auto const send = sort_by_slot(request);
    auto const counts = exchange_counts(request.communicator, request.layer, send.rows_of_slot);
    DispatchPlan plan;
    std::vector<std::int64_t> position(request.picks.size(), padding_row);
    for (std::size_t sent = 0; sent < send.row_of_sent.size(); ++sent) {
        auto const row = static_cast<std::size_t>(send.row_of_sent[sent]);
        plan.token_of_sent.push_back(static_cast<std::int64_t>(row / request.top_k));
        position[row] = static_cast<std::int64_t>(sent);
    }
    plan.exchange.row_bytes = request.row_bytes;
    for (std::size_t peer = 0; peer < counts.extent(0); ++peer) {
        plan.exchange.send_rows.push_back(sum(std::as_const(send.rows_of_slot).row(peer)));
        plan.exchange.receive_rows.push_back(sum(counts.row(peer)));
    }
    set_away_side(counts, request.assignment.slots_on(request.layer, request.communicator.rank()), plan);
    set_home_side(position, request.top_k, plan);
    return plan;
}

bool const registered = register_in<Dispatcher>(
    "per_expert", "One row for every (token, chosen expert) pair.", {plan, rows_per_expert});

}  // namespace
}  // namespace moewire
