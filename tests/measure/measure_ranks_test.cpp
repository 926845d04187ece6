#include <set>

#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"
#include "measure/gather.hpp"
#include "measure/interleave.hpp"
#include "measure/payload.hpp"
#include "measure/replay.hpp"
#include "measure/stamps.hpp"
#include "measure/sweep.hpp"
#include "support/routing.hpp"
#include "support/world.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

constexpr std::int32_t experts = 8;
constexpr std::int64_t row_bytes = 72;

Routing my_routing() {
    return random_routing(3, 40, experts, 2, 100 + index_of(world().rank()), 0.3);
}

// A transport that spoils one byte of the last row: verification must see it.
class SpoiledExchange : public Exchange {
  public:
    explicit SpoiledExchange(Exchange& inner) : inner_(inner) {}
    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        inner_.run(plan, send, receive);
        if (!receive.empty()) receive.back() ^= std::byte{1};
    }

  private:
    Exchange& inner_;
};

TEST(Measure, DemandIsTheSumOfAllRanks) {
    auto const demand = gather_demand(world(), my_routing());
    EXPECT_EQ(demand.ranks(), world().size());
    for (RankId const source : ids<RankId>(world().size()))
        EXPECT_EQ(sum(demand.tokens().row(1, source)), 80);
    auto const mine = count_picks(my_routing());
    auto const row = demand.tokens().row(2, world().rank());
    EXPECT_TRUE(std::equal(row.begin(), row.end(), mine.row(2).begin()));
}

Schedule plan_of(std::string const& spec, Demand const& demand, std::size_t batches = 1) {
    auto const layers = demand.layers() / batches;
    auto const first = demand.tokens().row();
    Demand const plan(Grid<std::int64_t, 3>(
        std::array{layers, static_cast<std::size_t>(demand.ranks()), static_cast<std::size_t>(experts)},
        {first.begin(),
         first.begin() + static_cast<std::ptrdiff_t>(layers * demand.tokens().row(0).size())}));
    return schedule_on_root(world(), spec, {{plan, world().size(), 3}, demand, batches}, nullptr);
}

TEST(Measure, EveryStrategyUnderEveryPayloadVerifiesAndMatchesItsTraffic) {
    auto const routing = my_routing();
    auto const demand = gather_demand(world(), routing);
    auto const exchange = make_exchange(default_exchange(world()), world());
    for (auto const& strategy : Registry<Strategy>::instance().entries()) {
        for (auto const& payload : Registry<Dispatcher>::instance().entries()) {
            auto const schedule = plan_of(strategy.name, demand, 3);  // three batches of one layer
            Replay replay(world(), *exchange,
                          {payload.name, routing, schedule.plan, row_bytes, schedule.moves, 640});
            auto const name = strategy.name + " " + payload.name;
            EXPECT_NO_THROW(replay.verify()) << name;
            auto const traffic =
                gather_traffic(world(), payload.name, routing, demand, schedule.plan, row_bytes);
            EXPECT_NO_THROW(check_counts(world(), replay, traffic)) << name;
            EXPECT_THROW(check_counts(world(), replay,
                                      gather_traffic(world(), payload.name, routing, demand, schedule.plan,
                                                     row_bytes + 1)),
                         Error);
            if (payload.name != "per_expert") continue;
            EXPECT_EQ(traffic.bytes, traffic_per_expert(demand, schedule.plan, row_bytes).bytes) << name;
        }
    }
}

TEST(Measure, PerRankNeverSendsMoreThanPerExpertAndPaddedNeverLess) {
    auto const routing = my_routing();
    auto const demand = gather_demand(world(), routing);
    auto const schedule = plan_of("contiguous", demand);
    auto const bytes = [&](char const* payload) {
        return sum(
            gather_traffic(world(), payload, routing, demand, schedule.plan, row_bytes).bytes.values());
    };
    EXPECT_LE(bytes("per_rank"), bytes("per_expert"));
    EXPECT_GE(bytes("padded"), bytes("per_expert"));
    if (world().size() > 1) return;
    EXPECT_EQ(2 * bytes("per_rank"), bytes("per_expert"));  // both experts at home
}

TEST(Measure, MovedWeightsAreStampedAndTimed) {
    auto const routing = my_routing();
    auto const demand = gather_demand(world(), routing);
    auto const exchange = make_exchange(default_exchange(world()), world());
    auto const schedule = plan_of("load_aware:interval=1:window=1:threshold=0", demand, 3);
    std::size_t moves = 0;
    for (auto const& layer : schedule.moves) moves += layer.size();
    EXPECT_TRUE(schedule.moves[0].empty());
    EXPECT_EQ(moves > 0, world().size() > 1);
    Replay replay(world(), *exchange, {"per_expert", routing, schedule.plan, row_bytes, schedule.moves, 640});
    StampRecorder recorder(1, 3, Detail::exchanges);
    recorder.begin_iteration(0);
    replay.run(&recorder);
    auto const samples = collect(world(), recorder, clock_offsets(world()));
    if (!world().is_root()) return;
    for (std::size_t layer = 0; layer < 3; ++layer) {
        double const took_s = sum(std::as_const(samples.migration.host_s).row(0, layer));
        EXPECT_EQ(took_s > 0, !schedule.moves[layer].empty());
    }
}

TEST(Measure, ASpoiledByteIsFoundOnAllRanks) {
    auto const routing = my_routing();
    auto const plan = plan_of("contiguous", gather_demand(world(), routing)).plan;
    auto const exchange = make_exchange(default_exchange(world()), world());
    SpoiledExchange spoiled(*exchange);
    Replay replay(world(), spoiled, {"per_expert", routing, plan, row_bytes});
    try {
        replay.verify();
        ADD_FAILURE() << "a spoiled byte went unseen";
    } catch (Error const& error) {
        EXPECT_EQ(error.source(), "verify");
        EXPECT_EQ(error.exit_code(), 4);
    }
}

TEST(Measure, RowsTooShortForAStampAreRefused) {
    auto const routing = my_routing();
    auto const plan = plan_of("contiguous", gather_demand(world(), routing)).plan;
    auto const exchange = make_exchange(default_exchange(world()), world());
    EXPECT_THROW(Replay(world(), *exchange, {"per_expert", routing, plan, 8}), Error);
}

TEST(Measure, SamplesAreCompleteAndSplitExactly) {
    auto const routing = my_routing();
    auto const plan = plan_of("contiguous", gather_demand(world(), routing)).plan;
    auto const exchange = make_exchange(default_exchange(world()), world());
    Replay replay(world(), *exchange, {"per_expert", routing, plan, row_bytes});
    StampRecorder recorder(5, 3, Detail::exchanges);
    run_interleaved(
        interleaved_order(1, 5, 1), 2,
        [&](std::size_t, std::optional<std::size_t> iteration) {
            recorder.begin_iteration(iteration);
            replay.run(&recorder);
        },
        [] {});
    auto const samples = collect(world(), recorder, clock_offsets(world()));
    if (!world().is_root()) return;
    for (auto const* direction : {&samples.dispatch, &samples.combine}) {
        ASSERT_EQ(direction->host_s.shape(),
                  (std::array{std::size_t{5}, std::size_t{3}, static_cast<std::size_t>(world().size())}));
        for (std::size_t i = 0; i < direction->host_s.size(); ++i) {
            auto const host = direction->host_s.values()[i];
            EXPECT_GT(host, 0);
            EXPECT_GE(direction->wait_s.values()[i], 0);
            EXPECT_GE(direction->transfer_s.values()[i], 0);
            EXPECT_NEAR(direction->wait_s.values()[i] + direction->transfer_s.values()[i], host, 1e-12);
        }
    }
    EXPECT_TRUE(samples.steps_s.empty());
}

// Others wait for the late rank, it waits for nobody, and what they wait is what it was late.
TEST(Measure, ADelayIsAttributedToTheRankThatHadIt) {
    if (world().size() == 1) GTEST_SKIP() << "nobody waits";
    auto const routing = my_routing();
    auto const plan = plan_of("contiguous", gather_demand(world(), routing)).plan;
    auto const exchange = make_exchange(default_exchange(world()), world());
    Replay replay(world(), *exchange, {"per_expert", routing, plan, row_bytes});
    constexpr double delay_s = 0.1;  // far above what other work on this machine can hide
    for (int late = 0; late < world().size(); ++late) {
        ReplayStyle style;
        if (static_cast<int>(world().rank()) == late) style.delay_s = delay_s;
        StampRecorder recorder(1, 3, Detail::exchanges);
        recorder.begin_iteration(0);
        replay.run(&recorder, style);
        auto const samples = collect(world(), recorder, clock_offsets(world()));
        if (!world().is_root()) continue;
        for (std::size_t layer = 0; layer < 3; ++layer) {
            auto const wait_s = samples.dispatch.wait_s.row(0, layer);
            EXPECT_EQ(std::min_element(wait_s.begin(), wait_s.end()) - wait_s.begin(), late);
            EXPECT_GT(*std::max_element(wait_s.begin(), wait_s.end()), delay_s / 2);
        }
    }
}

TEST(Measure, ChainedExchangesCarryTheSameBytes) {
    auto const routing = my_routing();
    auto const plan = plan_of("contiguous", gather_demand(world(), routing)).plan;
    auto const exchange = make_exchange(default_exchange(world()), world());
    Replay replay(world(), *exchange, {"per_expert", routing, plan, row_bytes});
    replay.run(nullptr, {Cadence::chained});
    EXPECT_NO_THROW(replay.verify());
}

TEST(Measure, SweepCarriesTheAskedBytes) {
    if (world().size() == 1) GTEST_SKIP() << "one rank has no port";
    auto const exchange = make_exchange("mpi", world());
    std::vector<std::uint64_t> const sizes{5000, 100000};
    auto const points = sweep_uniform(world(), *exchange, sizes, 64, 5, 1, clock_offsets(world()));
    if (!world().is_root()) return;
    ASSERT_EQ(points.size(), 2u);
    EXPECT_NEAR(static_cast<double>(points[1].busiest_bytes), 100000, 64.0 * world().size());
    EXPECT_EQ(points[0].samples_s.size(), 5u);
    EXPECT_GT(points[0].p50_s, 0);
}

TEST(Interleave, EveryCaseRunsOnceInEveryIterationInChangingOrder) {
    auto const order = interleaved_order(6, 50, 9);
    EXPECT_EQ(order, interleaved_order(6, 50, 9));
    bool moved = false;
    for (std::size_t i = 0; i < 50; ++i) {
        std::set<std::int32_t> seen(order.row(i).begin(), order.row(i).end());
        EXPECT_EQ(seen.size(), 6u);
        moved = moved || order(i, 0) != order(0, 0);
    }
    EXPECT_TRUE(moved);
}

TEST(Split, LateRankIsWaitedForAndItsAbsenceIsNoTransfer) {
    auto const split = split_wait({0.0, 1.0, 0.5}, {3.0, 3.5, 0.75});
    EXPECT_EQ(split.host_s, (std::vector{3.0, 2.5, 0.25}));
    EXPECT_EQ(split.wait_s, (std::vector{1.0, 0.0, 0.25}));  // rank 2 was done before rank 1 came
    EXPECT_EQ(split.transfer_s, (std::vector{2.0, 2.5, 0.0}));
}

TEST(Payload, EverySingleByteIsGuarded) {
    std::vector<std::byte> row(75);
    RowStamp const stamp{3, 5, 1234567};
    write_row(row, stamp, RowKind::question);
    EXPECT_EQ(read_stamp(row), stamp);
    EXPECT_TRUE(row_is_intact(row, RowKind::question));
    EXPECT_FALSE(row_is_intact(row, RowKind::answer));
    for (auto& byte : row) {
        byte ^= std::byte{0x10};
        EXPECT_FALSE(row_is_intact(row, RowKind::question));
        byte ^= std::byte{0x10};
    }
}

}  // namespace
}  // namespace moewire
