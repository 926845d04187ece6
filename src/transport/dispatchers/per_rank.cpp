// A token travels once to every rank that holds any of its experts; which of them it wants, and with what
// weights, travels beside it. The rank sums its experts' weighted results and sends one row back.
// Source: the de-duplicated dispatch of deepseek-ai/DeepEP.
#include <algorithm>
#include <numeric>
#include <utility>

#include "assignment/replica_choice.hpp"
#include "base/registry.hpp"
#include "traffic/rows.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

// One expert that a sent row is for.
struct Want {
    std::int32_t row = 0;   // within what its source sends to this rank
    std::int32_t slot = 0;  // local to the destination
    float weight = 1;
};

// What goes to one rank.
struct Parcel {
    std::vector<std::int64_t> tokens;  // Shape: [row], ascending
    std::vector<Want> wants;
};

std::vector<Parcel> parcels_of(DispatchRequest const& r) {
    auto const slots = choose_slots(r.assignment, r.layer, r.communicator.rank(), r.picks);
    std::vector<Parcel> parcels(static_cast<std::size_t>(r.assignment.ranks()));
    for (std::size_t row = 0; row < slots.size(); ++row) {
        if (slots[row] == no_slot) continue;
        auto const rank = r.assignment.rank_of(r.layer, SlotId{slots[row]});
        auto& parcel = parcels[index_of(rank)];
        auto const token = static_cast<std::int64_t>(row / r.top_k);
        if (parcel.tokens.empty() || parcel.tokens.back() != token) parcel.tokens.push_back(token);
        auto const first = static_cast<std::int32_t>(r.assignment.first_slot(r.layer, rank));
        parcel.wants.push_back({static_cast<std::int32_t>(parcel.tokens.size() - 1), slots[row] - first,
                                r.weights.empty() ? 1 : r.weights[row]});
    }
    return parcels;
}

// The answers of a token: its row in every parcel that has one.
void set_home(std::vector<Parcel> const& parcels, std::size_t tokens, DispatchPlan& plan) {
    std::vector<std::vector<std::int64_t>> sent_of(tokens);
    for (auto const& parcel : parcels) {
        for (auto const token : parcel.tokens) {
            sent_of[static_cast<std::size_t>(token)].push_back(
                static_cast<std::int64_t>(plan.token_of_sent.size()));
            plan.token_of_sent.push_back(token);
        }
    }
    for (auto const& sent : sent_of) {
        plan.home_start.push_back(static_cast<std::int64_t>(plan.home_order.size()));
        plan.home_order.insert(plan.home_order.end(), sent.begin(), sent.end());
    }
}

void set_away(std::vector<Want> const& wants, std::vector<std::int64_t> const& wants_of, std::size_t slots,
              DispatchPlan& plan) {
    struct Row {
        std::int64_t position;
        float weight;
    };
    std::vector<std::vector<Row>> of_slot(slots);
    std::int64_t base = 0;
    for (std::size_t source = 0, next = 0; source < wants_of.size(); ++source) {
        for (std::int64_t i = 0; i < wants_of[source]; ++i, ++next)
            of_slot[static_cast<std::size_t>(wants[next].slot)].push_back(
                {base + wants[next].row, wants[next].weight});
        base += plan.exchange.receive_rows[source];
    }
    for (auto const& rows : of_slot) {
        for (auto const& row : rows) {
            plan.expert_order.push_back(row.position);
            plan.away_weights.push_back(row.weight);
        }
        plan.slot_end.push_back(static_cast<std::int64_t>(plan.expert_order.size()));
    }
}

DispatchPlan plan(DispatchRequest const& r) {
    auto const parcels = parcels_of(r);
    DispatchPlan plan;
    plan.exchange.row_bytes = r.row_bytes;
    std::vector<std::int64_t> counts;  // rows and wants, for every rank
    std::vector<Want> wants;
    for (auto const& parcel : parcels) {
        plan.exchange.send_rows.push_back(static_cast<std::int64_t>(parcel.tokens.size()));
        counts.push_back(static_cast<std::int64_t>(parcel.tokens.size()));
        counts.push_back(static_cast<std::int64_t>(parcel.wants.size()));
        wants.insert(wants.end(), parcel.wants.begin(), parcel.wants.end());
    }
    Watchdog::Wait const wait(counts_label(r.layer));
    auto const theirs = r.communicator.all_to_all(counts);
    std::vector<std::int64_t> sent_wants, received_wants;
    for (std::size_t peer = 0; peer < parcels.size(); ++peer) {
        plan.exchange.receive_rows.push_back(theirs[2 * peer]);
        sent_wants.push_back(counts[2 * peer + 1]);
        received_wants.push_back(theirs[2 * peer + 1]);
    }
    auto const arrived = r.communicator.all_to_all(std::span<Want const>(wants), sent_wants, received_wants);
    set_home(parcels, r.picks.size() / r.top_k, plan);
    set_away(arrived, received_wants, r.assignment.slots_on(r.layer, r.communicator.rank()), plan);
    return plan;
}

bool const registered = register_in<Dispatcher>(
    "per_rank", "One row for every rank that holds any of a token's experts.", {plan, rows_per_rank});

}  // namespace
}  // namespace moewire
