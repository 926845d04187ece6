#include "measure/gather.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

// Every rank's [layer, peer] table as one [layer, rank, peer] table on rank 0.
Grid<std::uint64_t, 3> stack(Communicator const& communicator, Grid<std::uint64_t, 2> const& mine) {
    auto const all = communicator.gather(mine.row());
    if (!communicator.is_root()) return {};
    auto const ranks = static_cast<std::size_t>(communicator.size()), layers = mine.extent(0),
               peers = mine.extent(1);
    Grid<std::uint64_t, 3> stacked(layers, ranks, peers);
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        for (std::size_t layer = 0; layer < layers; ++layer) {
            auto const from = all.begin() + static_cast<std::ptrdiff_t>((rank * layers + layer) * peers);
            std::copy_n(from, peers, stacked.row(layer, rank).begin());
        }
    }
    return stacked;
}

Grid<std::uint64_t, 2> layer_of(Grid<std::uint64_t, 3> const& stacked, std::size_t layer) {
    auto const row = stacked.row(layer);
    return {{stacked.extent(1), stacked.extent(2)}, {row.begin(), row.end()}};
}

// Rank 0's plan on all ranks.
Assignment broadcast(Communicator const& communicator, Assignment const& plan, std::size_t layers,
                     std::int32_t experts) {
    auto expert_of_slot = plan.expert_of_slot().values();
    auto rank_of_slot = plan.rank_of_slot().values();
    auto shares = plan.share_of_slot().values();
    auto rule = plan.rule();
    std::vector<std::uint64_t> seed{rule.seed};
    communicator.broadcast(expert_of_slot);
    communicator.broadcast(rank_of_slot);
    communicator.broadcast(shares);
    communicator.broadcast(rule.node_of_rank);
    communicator.broadcast(seed);
    rule.seed = seed.front();
    rule.choice = communicator.broadcast(rule.choice);
    std::array const shape{layers, expert_of_slot.size() / layers};
    std::array const share_shape{shares.empty() ? std::size_t{0} : layers, shape[1]};
    return {{shape, std::move(expert_of_slot)},
            {shape, std::move(rank_of_slot)},
            experts,
            communicator.size(),
            std::move(rule),
            {share_shape, std::move(shares)}};
}

Moves broadcast(Communicator const& communicator, Moves moves) {
    std::vector<std::int32_t> flat{static_cast<std::int32_t>(moves.size())};
    for (std::size_t layer = 0; layer < moves.size(); ++layer) {
        for (auto const& move : moves[layer]) {
            for (auto const value : {index_of(move.expert), index_of(move.from), index_of(move.to), layer})
                flat.push_back(static_cast<std::int32_t>(value));
        }
    }
    communicator.broadcast(flat);
    moves.assign(static_cast<std::size_t>(flat.front()), {});
    for (std::size_t i = 1; i < flat.size(); i += 4) {
        moves[static_cast<std::size_t>(flat[i + 3])].push_back(
            {ExpertId{flat[i]}, RankId{flat[i + 1]}, RankId{flat[i + 2]}});
    }
    return moves;
}

}  // namespace

Demand gather_demand(Communicator const& communicator, Routing const& routing) {
    auto const mine = count_picks(routing);
    auto const rank = index_of(communicator.rank());
    Grid<std::int64_t, 3> tokens(mine.extent(0), static_cast<std::size_t>(communicator.size()),
                                 mine.extent(1));
    for (std::size_t layer = 0; layer < mine.extent(0); ++layer) {
        std::copy(mine.row(layer).begin(), mine.row(layer).end(), tokens.row(layer, rank).begin());
    }
    communicator.sum(tokens.row());  // each rank fills its own rows
    return Demand(std::move(tokens));
}

Schedule schedule_on_root(Communicator const& communicator, std::string const& spec,
                          StreamRequest const& request, double* plan_s) {
    Schedule schedule;
    double took_s = 0;
    run_on_all(communicator, [&] {
        if (!communicator.is_root()) return;
        double const start_s = monotonic_s();
        schedule = make_schedule(spec, request);
        took_s = monotonic_s() - start_s;
    });
    auto const experts = request.plan.demand.experts();
    auto const layers = request.plan.demand.layers();
    schedule.before = broadcast(communicator, schedule.before, layers, experts);
    schedule.plan = broadcast(communicator, schedule.plan, layers * request.batches, experts);
    schedule.moves = broadcast(communicator, schedule.moves);
    if (plan_s != nullptr) *plan_s = communicator.max(took_s);
    expect_equal_on_all(communicator, schedule.plan.digest(), fmt::format("the plan of '{}'", spec));
    return schedule;
}

Traffic gather_traffic(Communicator const& communicator, std::string const& dispatcher,
                       Routing const& routing, Demand const& demand, Assignment const& assignment,
                       std::int64_t row_bytes) {
    auto const& rows_of = Registry<Dispatcher>::instance().at(dispatcher).value.rows;
    auto const mine = rows_of(routing, demand, communicator.rank(), assignment);
    auto const ranks = static_cast<std::size_t>(communicator.size());
    Grid<std::int64_t, 3> rows(mine.extent(0), ranks, ranks);
    for (std::size_t layer = 0; layer < mine.extent(0); ++layer) {
        std::copy(mine.row(layer).begin(), mine.row(layer).end(),
                  rows.row(layer, index_of(communicator.rank())).begin());
    }
    communicator.sum(rows.row());  // each rank fills its own rows
    Traffic traffic{row_bytes, Grid<std::uint64_t, 3>(rows.shape())};
    std::transform(rows.values().begin(), rows.values().end(), traffic.bytes.values().begin(),
                   [&](std::int64_t count) { return static_cast<std::uint64_t>(count * row_bytes); });
    return traffic;
}

void check_counts(Communicator const& communicator, Replay const& replay, Traffic const& traffic) {
    auto const sent = stack(communicator, replay.sent_bytes());
    auto const received = stack(communicator, replay.received_bytes());
    run_on_all(communicator, [&] {
        for (std::size_t layer = 0; layer < sent.extent(0); ++layer) {
            auto const of_layer = layer_of(sent, layer);
            expect_transposed(of_layer, layer_of(received, layer), make_id<LayerId>(layer));
            if (of_layer == traffic.dispatch(make_id<LayerId>(layer))) continue;
            throw failure("measure",
                          fmt::format("layer {}: the bytes that ranks send differ from routing x assignment "
                                      "(the prediction would be for other traffic); please report this",
                                      layer));
        }
    });
}

}  // namespace moewire
