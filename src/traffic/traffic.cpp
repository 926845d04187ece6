#include "traffic/traffic.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "assignment/replica_choice.hpp"
#include "base/error.hpp"

namespace moewire {
namespace {

template <class Add>
void for_each_flow(Demand const& demand, Assignment const& assignment, Add const& add) {
    MOEWIRE_EXPECT(demand.layers() == assignment.layers() && demand.experts() == assignment.experts());
    for (LayerId const layer : ids<LayerId>(demand.layers())) {
        for (RankId const source : ids<RankId>(demand.ranks())) {
            auto const wanted = demand.tokens().row(layer, source);
            for (ExpertId const expert : ids<ExpertId>(demand.experts())) {
                auto const copies = assignment.copies_of(layer, expert);
                auto const rows = split_rows(assignment, layer, source, expert, wanted[index_of(expert)]);
                for (std::size_t copy = 0; copy < copies.size(); ++copy)
                    add(layer, source, assignment.rank_of(layer, SlotId{copies[copy]}), rows[copy]);
            }
        }
    }
}

}  // namespace

Grid<std::uint64_t, 2> Traffic::dispatch(LayerId layer) const {
    auto const n = static_cast<std::size_t>(ranks());
    auto const row = bytes.row(layer);
    return {{n, n}, {row.begin(), row.end()}};
}

Grid<std::uint64_t, 2> Traffic::combine(LayerId layer) const {
    Grid<std::uint64_t, 2> back(ranks(), ranks());
    for (int s = 0; s < ranks(); ++s) {
        for (int d = 0; d < ranks(); ++d) back(d, s) = bytes(layer, s, d);
    }
    return back;
}

Traffic traffic_per_expert(Demand const& demand, Assignment const& assignment, std::int64_t row_bytes) {
    Traffic traffic{row_bytes,
                    Grid<std::uint64_t, 3>(demand.layers(), assignment.ranks(), assignment.ranks())};
    for_each_flow(
        demand, assignment, [&](LayerId layer, RankId source, RankId destination, std::int64_t tokens) {
            traffic.bytes(layer, source, destination) += static_cast<std::uint64_t>(tokens * row_bytes);
        });
    return traffic;
}

Grid<std::int64_t, 2> received_tokens(Demand const& demand, Assignment const& assignment) {
    Grid<std::int64_t, 2> received(demand.layers(), assignment.ranks());
    for_each_flow(demand, assignment, [&](LayerId layer, RankId, RankId destination, std::int64_t tokens) {
        received(layer, destination) += tokens;
    });
    return received;
}

std::uint64_t PortLoad::busiest_bytes() const {
    std::uint64_t most = 0;
    for (auto const bytes : out_bytes) most = std::max(most, bytes);
    for (auto const bytes : in_bytes) most = std::max(most, bytes);
    return most;
}

PortLoad port_load(Grid<std::uint64_t, 2> const& bytes) {
    auto const n = bytes.extent(0);
    PortLoad load{std::vector<std::uint64_t>(n), std::vector<std::uint64_t>(n)};
    for (std::size_t s = 0; s < n; ++s) {
        for (std::size_t d = 0; d < n; ++d) {
            if (s == d) continue;
            load.out_bytes[s] += bytes(s, d);
            load.in_bytes[d] += bytes(s, d);
        }
    }
    return load;
}

void expect_transposed(Grid<std::uint64_t, 2> const& sent, Grid<std::uint64_t, 2> const& received,
                       LayerId layer) {
    for (std::size_t s = 0; s < sent.extent(0); ++s) {
        for (std::size_t d = 0; d < sent.extent(1); ++d) {
            if (sent(s, d) == received(d, s)) continue;
            throw failure("traffic",
                          fmt::format("layer {}: rank {} sends {} bytes to rank {}, which expects {} (the "
                                      "exchange would hang or corrupt memory); please report this",
                                      index_of(layer), s, sent(s, d), d, received(d, s)));
        }
    }
}

}  // namespace moewire
