#include "transport/dispatcher.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "assignment/replica_choice.hpp"

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

std::size_t used_slots(Assignment const& assignment, LayerId layer) {
    return index_of(assignment.end_slot(layer, make_id<RankId>(assignment.ranks() - 1)));
}

SendSide sort_by_slot(DispatchRequest const& r) {
    auto const& assignment = r.assignment;
    // Slots are ordered by rank, so sorting by slot sorts by rank: a counting sort, stable in the token.
    auto const slot_of_row = choose_slots(assignment, r.layer, r.communicator.rank(), r.picks);
    SendSide send;
    send.slot_start.resize(used_slots(assignment, r.layer) + 1);
    for (auto const slot : slot_of_row) {
        if (slot != no_slot) ++send.slot_start[static_cast<std::size_t>(slot) + 1];
    }
    send.rows_of_slot = rows_by_rank(assignment, r.layer, std::span(send.slot_start).subspan(1));
    std::partial_sum(send.slot_start.begin(), send.slot_start.end(), send.slot_start.begin());
    send.row_of_sent.resize(static_cast<std::size_t>(send.slot_start.back()));
    auto next = send.slot_start;
    for (std::size_t row = 0; row < slot_of_row.size(); ++row) {
        if (slot_of_row[row] == no_slot) continue;
        auto const position = next[static_cast<std::size_t>(slot_of_row[row])]++;
        send.row_of_sent[static_cast<std::size_t>(position)] = static_cast<std::int64_t>(row);
    }
    return send;
}

Grid<std::int64_t, 2> rows_by_rank(Assignment const& assignment, LayerId layer,
                                   std::span<std::int64_t const> of_slot) {
    Grid<std::int64_t, 2> rows(assignment.ranks(), widest_rank(assignment, layer));
    for (RankId const rank : ids<RankId>(assignment.ranks())) {
        auto const first = index_of(assignment.first_slot(layer, rank));
        for (std::size_t local = 0; local < assignment.slots_on(layer, rank); ++local)
            rows(rank, local) = of_slot[first + local];
    }
    return rows;
}

std::string counts_label(LayerId layer) {
    return "layer " + std::to_string(index_of(layer)) + ", counts";
}

Grid<std::int64_t, 2> exchange_counts(Communicator const& communicator, LayerId layer,
                                      Grid<std::int64_t, 2> const& rows_of_slot) {
    Watchdog::Wait const wait(counts_label(layer));
    return {rows_of_slot.shape(), communicator.all_to_all(rows_of_slot.values())};
}

void set_home_side(std::vector<std::int64_t> const& position, std::size_t top_k, DispatchPlan& plan) {
    plan.home_start.reserve(position.size() / top_k);
    plan.home_order.reserve(position.size());
    plan.choice_of_answer.reserve(position.size());
    for (std::size_t row = 0; row < position.size(); ++row) {
        if (row % top_k == 0) plan.home_start.push_back(static_cast<std::int64_t>(plan.home_order.size()));
        if (position[row] < 0) continue;
        plan.home_order.push_back(position[row]);
        plan.choice_of_answer.push_back(static_cast<std::int64_t>(row));
    }
}

}  // namespace moewire
