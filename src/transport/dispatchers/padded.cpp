// Like per_expert, but every source sends every slot equally many rows, as many as the largest of all counts:
// an exchange of equal blocks, which needs no counts on the way and can be captured. What fills a block up
// travels too; under a policy that drops beyond a capacity, little does.
#include <algorithm>
#include <utility>

#include "base/registry.hpp"
#include "traffic/rows.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

DispatchPlan plan(DispatchRequest const& request) {
    auto const send = sort_by_slot(request);
    auto const counts = exchange_counts(request.communicator, request.layer, send.rows_of_slot);
    auto const& mine = send.rows_of_slot.values();
    auto const block = request.communicator.max(*std::max_element(mine.begin(), mine.end()));
    auto const& assignment = request.assignment;
    auto const slots = assignment.slots_on(request.layer, request.communicator.rank());

    DispatchPlan plan;
    plan.exchange.row_bytes = request.row_bytes;
    for (RankId const rank : ids<RankId>(assignment.ranks())) {
        plan.exchange.send_rows.push_back(
            block * static_cast<std::int64_t>(assignment.slots_on(request.layer, rank)));
        plan.exchange.receive_rows.push_back(block * static_cast<std::int64_t>(slots));
    }
    plan.token_of_sent.assign(static_cast<std::size_t>(plan.exchange.total_send_rows()), padding_row);
    std::vector<std::int64_t> position(request.picks.size(), padding_row);
    for (std::size_t slot = 0; slot + 1 < send.slot_start.size(); ++slot) {
        for (auto sent = send.slot_start[slot]; sent < send.slot_start[slot + 1]; ++sent) {
            auto const row = static_cast<std::size_t>(send.row_of_sent[static_cast<std::size_t>(sent)]);
            position[row] = static_cast<std::int64_t>(slot) * block + sent - send.slot_start[slot];
            plan.token_of_sent[static_cast<std::size_t>(position[row])] =
                static_cast<std::int64_t>(row / request.top_k);
        }
    }
    for (std::size_t slot = 0; slot < slots; ++slot) {
        for (std::size_t source = 0; source < counts.extent(0); ++source) {
            auto const begin = static_cast<std::int64_t>(source * slots + slot) * block;
            for (std::int64_t i = 0; i < counts(source, slot); ++i) plan.expert_order.push_back(begin + i);
        }
        plan.slot_end.push_back(static_cast<std::int64_t>(plan.expert_order.size()));
    }
    set_home_side(position, request.top_k, plan);
    return plan;
}

bool const registered = register_in<Dispatcher>(
    "padded", "Equal blocks for every source and slot, filled up to the largest count.", {plan, rows_padded});

}  // namespace
}  // namespace moewire
