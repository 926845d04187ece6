#include "measure/gather.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"

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

Assignment plan_on_root(Communicator const& communicator, std::string const& strategy, Demand const& demand,
                        std::uint64_t seed, double* plan_s) {
    std::vector<std::int32_t> experts, ranks;
    double took_s = 0;
    run_on_all(communicator, [&] {
        if (!communicator.is_root()) return;
        double const start_s = monotonic_s();
        auto const plan = make_plan(strategy, {demand, communicator.size(), seed});
        took_s = monotonic_s() - start_s;
        experts = plan.expert_of_slot().values();
        ranks = plan.rank_of_slot().values();
    });
    communicator.broadcast(experts);
    communicator.broadcast(ranks);
    if (plan_s != nullptr) *plan_s = communicator.max(took_s);
    std::array const shape{demand.layers(), experts.size() / demand.layers()};
    Assignment assignment({shape, std::move(experts)}, {shape, std::move(ranks)}, demand.experts(),
                          communicator.size());
    expect_equal_on_all(communicator, assignment.digest(), fmt::format("the plan of '{}'", strategy));
    return assignment;
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
