#include "transport/dispatcher.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace moewire {
namespace {

// All ranks' slot counts are padded to the largest, so that counts travel by one plain all-to-all.
std::size_t widest_rank(Assignment const& assignment, LayerId layer) {
    std::size_t widest = 0;
    for (RankId const rank : ids<RankId>(assignment.ranks()))
        widest = std::max(widest, assignment.slots_on(layer, rank));
    return widest;
}

}  // namespace

SendSide sort_by_destination(Assignment const& assignment, LayerId layer,
                             std::span<std::int32_t const> picks) {
    // Slots are ordered by rank, so sorting by slot sorts by rank: a counting sort, stable in the token.
    std::vector<std::int64_t> start(assignment.slots() + 1);
    std::vector<std::int32_t> slot_of_pick(picks.size());
    for (std::size_t row = 0; row < picks.size(); ++row) {
        slot_of_pick[row] = static_cast<std::int32_t>(assignment.slot_of(layer, ExpertId{picks[row]}));
        ++start[static_cast<std::size_t>(slot_of_pick[row]) + 1];
    }
    SendSide send;
    send.send_rows.resize(static_cast<std::size_t>(assignment.ranks()));
    send.rows_of_slot = Grid<std::int64_t, 2>(assignment.ranks(), widest_rank(assignment, layer));
    for (RankId const rank : ids<RankId>(assignment.ranks())) {
        auto const first = index_of(assignment.first_slot(layer, rank));
        for (std::size_t local = 0; local < assignment.slots_on(layer, rank); ++local) {
            send.rows_of_slot(rank, local) = start[first + local + 1];
        }
        send.send_rows[index_of(rank)] = sum(std::as_const(send.rows_of_slot).row(rank));
    }
    std::partial_sum(start.begin(), start.end(), start.begin());
    send.send_order.resize(picks.size());
    send.sent_position.resize(picks.size());
    for (std::size_t row = 0; row < picks.size(); ++row) {
        auto const position = start[static_cast<std::size_t>(slot_of_pick[row])]++;
        send.send_order[static_cast<std::size_t>(position)] = static_cast<std::int64_t>(row);
        send.sent_position[row] = position;
    }
    return send;
}

Grid<std::int64_t, 2> exchange_counts(Communicator const& communicator, SendSide const& send) {
    return {send.rows_of_slot.shape(), communicator.all_to_all(send.rows_of_slot.values())};
}

DispatchPlan complete_plan(Assignment const& assignment, LayerId layer, RankId rank, SendSide send,
                           Grid<std::int64_t, 2> const& counts, std::int64_t row_bytes) {
    auto const sources = counts.extent(0);
    auto const slots = assignment.slots_on(layer, rank);
    DispatchPlan plan;
    plan.send_order = std::move(send.send_order);
    plan.sent_position = std::move(send.sent_position);
    plan.received_rows = Grid<std::int64_t, 2>(sources, slots);
    std::vector<std::int64_t> receive_rows(sources);
    for (std::size_t source = 0; source < sources; ++source) {
        for (std::size_t slot = 0; slot < slots; ++slot) {
            plan.received_rows(source, slot) = counts(source, slot);
            receive_rows[source] += counts(source, slot);
        }
    }
    plan.exchange = {row_bytes, std::move(send.send_rows), std::move(receive_rows)};

    std::vector<std::int64_t> source_start(sources);
    std::exclusive_scan(plan.exchange.receive_rows.begin(), plan.exchange.receive_rows.end(),
                        source_start.begin(), std::int64_t{0});
    plan.expert_order.reserve(static_cast<std::size_t>(plan.exchange.total_receive_rows()));
    for (std::size_t slot = 0; slot < slots; ++slot) {
        for (std::size_t source = 0; source < sources; ++source) {
            for (std::int64_t i = 0; i < plan.received_rows(source, slot); ++i) {
                plan.expert_order.push_back(source_start[source]++);
            }
        }
        plan.slot_end.push_back(static_cast<std::int64_t>(plan.expert_order.size()));
    }
    return plan;
}

}  // namespace moewire
