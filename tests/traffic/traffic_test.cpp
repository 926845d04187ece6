#include "traffic/traffic.hpp"

#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"
#include "support/routing.hpp"

namespace moewire {
namespace {

TEST(Traffic, BytesAreConservedUnderEveryStrategy) {
    auto const demand = random_demand(3, 4, 16, 2);
    for (auto const& entry : Registry<Strategy>::instance().entries()) {
        auto const plan = make_plan(entry.name, {demand, 4, 7});
        auto const traffic = traffic_per_expert(demand, plan, 512);
        for (LayerId const layer : ids<LayerId>(3)) {
            for (RankId const source : ids<RankId>(4)) {
                auto const sent = sum(std::as_const(traffic.bytes).row(layer, source));
                EXPECT_EQ(sent, static_cast<std::uint64_t>(512 * sum(demand.tokens().row(layer, source))))
                    << entry.name;
            }
        }
        auto const received = received_tokens(demand, plan);
        EXPECT_EQ(sum(received.values()), sum(demand.tokens().values())) << entry.name;
    }
}

TEST(Traffic, SmallExampleByHand) {
    // Two ranks, experts 0,1 on rank 0 and 2 on rank 1.
    Grid<std::int64_t, 3> tokens({1, 2, 3}, {1, 2, 3, 4, 5, 6});
    auto const plan = make_plan("contiguous", {Demand(tokens), 2, 0});
    auto const traffic = traffic_per_expert(Demand(tokens), plan, 10);
    EXPECT_EQ(traffic.bytes.values(), (std::vector<std::uint64_t>{30, 30, 90, 60}));
    EXPECT_EQ(traffic.combine(LayerId{0}).values(), (std::vector<std::uint64_t>{30, 90, 30, 60}));
    auto const load = port_load(traffic.dispatch(LayerId{0}));
    EXPECT_EQ(load.out_bytes, (std::vector<std::uint64_t>{30, 90}));
    EXPECT_EQ(load.in_bytes, (std::vector<std::uint64_t>{90, 30}));
    EXPECT_EQ(load.busiest_bytes(), 90u);
}

TEST(Traffic, OneRankKeepsEverythingAtHome) {
    auto const demand = random_demand(1, 1, 4, 2);
    auto const traffic = traffic_per_expert(demand, make_plan("contiguous", {demand, 1, 0}), 8);
    EXPECT_EQ(port_load(traffic.dispatch(LayerId{0})).busiest_bytes(), 0u);
}

TEST(Traffic, UntransposedCountsAreNamed) {
    Grid<std::uint64_t, 2> const sent({2, 2}, {1, 2, 3, 4});
    EXPECT_NO_THROW(expect_transposed(sent, Grid<std::uint64_t, 2>({2, 2}, {1, 3, 2, 4}), LayerId{0}));
    try {
        expect_transposed(sent, Grid<std::uint64_t, 2>({2, 2}, {1, 3, 9, 4}), LayerId{5});
        FAIL() << "a mismatch was accepted";
    } catch (Error const& error) {
        EXPECT_NE(std::string(error.what()).find("layer 5: rank 0 sends 2 bytes to rank 1, which expects 9"),
                  std::string::npos)
            << error.what();
    }
}

}  // namespace
}  // namespace moewire
