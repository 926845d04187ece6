#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/world.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"
#include "system/communicator.hpp"
#include "system/node_map.hpp"

namespace moewire {
namespace {

std::int64_t rank() {
    return static_cast<std::int64_t>(world().rank());
}

TEST(Communicator, ReductionsSeeEveryRank) {
    std::int64_t const size = world().size();
    EXPECT_EQ(world().sum(rank()), size * (size - 1) / 2);
    EXPECT_EQ(world().max(rank()), size - 1);
    EXPECT_EQ(world().min(rank()), 0);
    EXPECT_EQ(world().max(0.5 * static_cast<double>(rank())), 0.5 * static_cast<double>(size - 1));
    std::vector<std::int64_t> values{1, rank()};
    world().sum(values);
    EXPECT_EQ(values, (std::vector<std::int64_t>{size, size * (size - 1) / 2}));
}

// The clock of one boot: an order of moments, not a time. Each rank is the late one once.
TEST(Communicator, NobodyLeavesABarrierBeforeTheLastOneCame) {
    for (std::int64_t late = 0; late < world().size(); ++late) {
        world().barrier();
        if (rank() == late) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        double const entered_s = monotonic_s();
        world().barrier();
        double const left_s = monotonic_s();
        EXPECT_GE(left_s, world().max(entered_s)) << "late: " << late;
    }
}

TEST(NodeMap, RanksOfOneHostShareANode) {
    auto const map = node_map_of(world());
    EXPECT_EQ(map.node_of_rank, std::vector<int>(static_cast<std::size_t>(world().size()), 0));
    EXPECT_EQ(map.nodes, 1);
    EXPECT_EQ(map.ranks_with(world().rank()), world().size());
    EXPECT_GE(map.cores, 1);
}

TEST(NodeMap, CountsTheRanksOfANodeAlone) {
    NodeMap const map{{0, 0, 1, 0}, 2, 4};
    EXPECT_EQ(map.ranks_with(RankId{3}), 3);
    EXPECT_EQ(map.ranks_with(RankId{2}), 1);
}

TEST(Communicator, GatherKeepsRankOrderAndUnequalSizes) {
    std::vector<std::int32_t> const mine(static_cast<std::size_t>(rank()), static_cast<std::int32_t>(rank()));
    auto const all = world().gather(std::span<std::int32_t const>(mine));
    std::vector<std::int32_t> expected;
    for (int r = 0; r < world().size(); ++r) expected.insert(expected.end(), static_cast<std::size_t>(r), r);
    if (world().is_root()) {
        EXPECT_EQ(all, expected);
    }

    auto const texts = world().gather(std::string(static_cast<std::size_t>(rank()), 'x'));
    if (world().is_root()) {
        EXPECT_EQ(texts.back().size(), static_cast<std::size_t>(world().size() - 1));
    }
}

TEST(Communicator, BroadcastCarriesTextOfAnyLength) {
    auto const last = make_id<RankId>(world().size() - 1);
    std::string const text = world().rank() == last ? std::string(100000, 'y') : "";
    EXPECT_EQ(world().broadcast(text, last).size(), 100000u);
}

TEST(Communicator, AllToAllTransposes) {
    std::vector<std::int64_t> send;
    for (int d = 0; d < world().size(); ++d) send.insert(send.end(), {rank() * 100 + d, -1});
    auto const received = world().all_to_all(send);
    for (int s = 0; s < world().size(); ++s)
        EXPECT_EQ(received[static_cast<std::size_t>(2 * s)], s * 100 + rank());
}

TEST(Agreement, OneRanksErrorReachesAllWithItsName) {
    auto const last = make_id<RankId>(world().size() - 1);
    try {
        run_on_all(world(), [&] {
            if (world().rank() == last) throw unavailable("disk", "no disk");
        });
        ADD_FAILURE() << "no error";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 3);
        EXPECT_EQ(error.audience(), Audience::all_ranks);
        auto const named =
            "rank " + std::to_string(world().size() - 1) + " of " + std::to_string(world().size());
        EXPECT_EQ(std::string(error.what()).find(named) != std::string::npos, world().size() > 1)
            << error.what();
    }
}

TEST(Agreement, UnequalValuesAreToldOnAllRanks) {
    EXPECT_NO_THROW(expect_equal_on_all(world(), "same", "plan"));
    if (world().size() == 1) return;
    EXPECT_THROW(expect_equal_on_all(world(), std::to_string(rank()), "plan"), Error);
}

TEST(Clock, PingPongBoundHoldsTheTruthOfASharedClock) {
    for (auto const& offset : clock_offsets(world(), ClockMethod::ping_pong, 50)) {
        EXPECT_LE(std::abs(offset.offset_s), offset.bound_s + 1e-9);  // the true offset here is 0
    }
}

TEST(Clock, RanksOfOneBootShareTheClock) {
    for (auto const& offset : clock_offsets(world())) {
        EXPECT_EQ(offset.offset_s, 0);
        EXPECT_EQ(offset.bound_s, 0);
        EXPECT_EQ(offset.method, "same clock");
    }
}

}  // namespace
}  // namespace moewire
