#include "assignment/strategy.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "base/registry.hpp"
#include "support/catalogue.hpp"
#include "support/placements.hpp"
#include "support/routing.hpp"

namespace moewire {
namespace {

// What must hold for every strategy there is, on even and uneven shapes.
class EveryStrategy : public testing::TestWithParam<std::string> {
  public:
    Strategy const& strategy() const { return Registry<Strategy>::instance().at(GetParam()).value; }
};

// A plan text, a stream of batches, and pair counts, all random.
struct Given {
    Given(int ranks, std::int32_t experts, std::size_t layers, std::size_t batches, std::uint64_t seed)
        : ranks_(ranks),
          batches_(batches),
          seed_(seed),
          demand(random_demand(layers, ranks, experts, seed)),
          stream(random_demand(layers * batches, ranks, experts, seed + 1000)),
          pairs(layers, experts, experts) {
        Random random(seed, "pairs");
        for (std::size_t l = 0; l < layers; ++l) {
            for (std::int32_t a = 0; a < experts; ++a) {
                for (std::int32_t b = 0; b < a; ++b)
                    pairs(l, a, b) = pairs(l, b, a) = static_cast<std::int64_t>(random.below(50));
            }
        }
    }
    StreamRequest request() const { return {{demand, ranks_, seed_, {}, &pairs}, stream, batches_}; }

  private:
    int ranks_;
    std::size_t batches_;
    std::uint64_t seed_;

  public:
    Demand demand, stream;
    Grid<std::int64_t, 3> pairs;
};

void expect_conserved(Assignment const& plan, Demand const& demand) {
    for (LayerId const layer : ids<LayerId>(demand.layers())) {
        auto const received = rank_loads(plan, demand, layer);
        ASSERT_EQ(sum(received), sum(demand.expert_load(layer)));
    }
}

// Every copy that a batch needs is there already or moves from a rank that has it.
void expect_reachable(Schedule const& schedule, std::size_t layers) {
    for (std::size_t at = 0; at < schedule.plan.layers(); ++at) {
        for (auto const& move : schedule.moves[at]) {
            ASSERT_TRUE(schedule.plan.holds(make_id<LayerId>(at), move.to, move.expert));
            bool const held =
                schedule.before.holds(make_id<LayerId>(at % layers), move.from, move.expert) ||
                (at >= layers && schedule.plan.holds(make_id<LayerId>(at - layers), move.from, move.expert));
            ASSERT_TRUE(held);
            ASSERT_NE(move.from, move.to);
        }
    }
}

TEST_P(EveryStrategy, PlansAreCompleteWithinCapacityAndConserveTokens) {
    for (auto const& [experts, ranks] : {std::pair{8, 4},
                                         {16, 4},
                                         {7, 3},
                                         {5, 5},
                                         {64, 8},
                                         {3, 1},
                                         {16, 1},
                                         {16, 2},
                                         {17, 8},
                                         {9, 2},
                                         {8, 8}}) {
        Given const given(ranks, experts, 2, 3, 11);
        auto const schedule = make_schedule(GetParam(), given.request());  // constructors check completeness
        ASSERT_EQ(schedule.plan.experts(), experts);
        ASSERT_EQ(schedule.plan.ranks(), ranks);
        ASSERT_EQ(schedule.plan.layers(), 6u);
        ASSERT_EQ(schedule.before.layers(), 2u);
        ASSERT_EQ(schedule.moves.size(), 6u);
        auto const even = static_cast<std::size_t>((experts + ranks - 1) / ranks);
        if (strategy().family == Family::placement) {
            EXPECT_FALSE(schedule.plan.has_replicas());
            for (RankId const rank : ids<RankId>(ranks))
                EXPECT_LE(schedule.plan.slots_on(LayerId{0}, rank), even);
        } else if (GetParam() != "least_loaded") {  // which takes memory as it needs it
            for (RankId const rank : ids<RankId>(ranks))
                EXPECT_LE(schedule.plan.slots_on(LayerId{0}, rank), even + 1);
        }
        expect_conserved(schedule.plan, given.stream);
        expect_reachable(schedule, 2);
    }
}

TEST_P(EveryStrategy, ThousandsOfRandomDemandsKeepTheLaws) {
    Random random(7, "shapes");
    for (std::uint64_t trial = 0; trial < 250; ++trial) {
        auto const ranks = static_cast<int>(1 + random.below(8));
        auto const experts = static_cast<std::int32_t>(static_cast<std::uint64_t>(ranks) + random.below(20));
        Given const given(ranks, experts, 1, 4, trial);
        // A search that gives up early obeys the same laws, sooner.
        auto const schedule =
            make_schedule(GetParam() == "exact_pack" ? "exact_pack:nodes=2000" : GetParam(), given.request());
        ASSERT_NO_FATAL_FAILURE(expect_conserved(schedule.plan, given.stream)) << trial;
        ASSERT_NO_FATAL_FAILURE(expect_reachable(schedule, 1)) << trial;
        // No rank holds one expert twice unless the expert has more copies than there are ranks.
        for (LayerId const layer : ids<LayerId>(schedule.plan.layers())) {
            for (ExpertId const e : ids<ExpertId>(experts)) {
                auto const copies = schedule.plan.copies_of(layer, e);
                if (copies.size() > static_cast<std::size_t>(ranks)) continue;
                std::set<RankId> on;
                for (auto const slot : copies) on.insert(schedule.plan.rank_of(layer, SlotId{slot}));
                ASSERT_EQ(on.size(), copies.size()) << "trial " << trial << " expert " << index_of(e);
            }
        }
    }
}

TEST_P(EveryStrategy, SameRequestSamePlan) {
    Given const given(4, 16, 2, 3, 3);
    auto const a = make_schedule(GetParam(), given.request()), b = make_schedule(GetParam(), given.request());
    EXPECT_EQ(a.plan, b.plan);
    EXPECT_EQ(a.plan.digest(), b.plan.digest());
    EXPECT_EQ(a.moves, b.moves);
}

TEST_P(EveryStrategy, LooksNoFurtherThanItSays) {
    Given const given(4, 16, 2, 6, 3);
    auto changed = given.stream.tokens();
    for (std::size_t at = 6; at < 12; ++at) {  // batches 3, 4 and 5
        for (auto& tokens : changed.row(at)) tokens = 500 - tokens / 2;
    }
    auto request = given.request();
    auto const before = make_schedule(GetParam(), request);
    auto const after = make_schedule(GetParam(), {request.plan, Demand(changed), 6});
    auto const knowledge = strategy().knowledge;
    if (knowledge == Knowledge::plan_text) {
        EXPECT_EQ(before.plan, after.plan);
    } else {
        std::size_t const same = knowledge == Knowledge::past_batches ? 8 : 6;  // layers
        auto const first = [&](Schedule const& s) { return concatenate({s.plan.slice(0, same)}).digest(); };
        EXPECT_EQ(first(before), first(after));
        EXPECT_NE(before.plan, after.plan) << "it says that it looks at the stream";
    }
}

TEST_P(EveryStrategy, MoreRanksThanExpertsIsRefused) {
    auto const demand = random_demand(1, 3, 2, 1);
    try {
        make_plan(GetParam(), {demand, 3, 0});
        FAIL() << "3 ranks for 2 experts were accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find("3 ranks for 2 experts"), std::string::npos);
    }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryStrategy, testing::ValuesIn(catalogue_names<Strategy>()),
                         parameter_name);

// Least possible maximum by trying every split: 6 experts on 3 ranks.
std::int64_t best_load(Demand const& demand) {
    auto const load = demand.expert_load(LayerId{0});
    std::vector<int> order{0, 1, 2, 3, 4, 5};
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    do {
        std::int64_t worst = 0;
        for (std::size_t r = 0; r < 3; ++r) {
            worst = std::max(worst, load[static_cast<std::size_t>(order[2 * r])] +
                                        load[static_cast<std::size_t>(order[2 * r + 1])]);
        }
        best = std::min(best, worst);
    } while (std::next_permutation(order.begin(), order.end()));
    return best;
}

TEST(EplbPack, TwoPerRankIsOptimalAndNeverWorseThanContiguous) {
    int improved = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        auto const demand = random_demand(1, 3, 6, seed);
        auto const packed = worst_load(make_plan("eplb_pack", {demand, 3, 0}), demand);
        auto const plain = worst_load(make_plan("contiguous", {demand, 3, 0}), demand);
        EXPECT_LE(static_cast<double>(packed),
                  4.0 / 3 * static_cast<double>(best_load(demand)));  // Graham's bound
        EXPECT_LE(packed, plain);
        improved += packed < plain;
    }
    EXPECT_GT(improved, 20);
}

TEST(EplbPack, KnownExample) {
    Grid<std::int64_t, 3> tokens({1, 1, 4}, {10, 1, 8, 2});
    auto const plan = make_plan("eplb_pack", {Demand(tokens), 2, 0});
    EXPECT_EQ(plan.experts_on(LayerId{0}, RankId{0}), (std::vector{ExpertId{0}, ExpertId{1}}));
    EXPECT_EQ(plan.experts_on(LayerId{0}, RankId{1}), (std::vector{ExpertId{2}, ExpertId{3}}));
}

TEST(Contiguous, UnevenCountsGoToTheFirstRanks) {
    auto const demand = random_demand(1, 3, 7, 1);
    auto const plan = make_plan("contiguous", {demand, 3, 0});
    EXPECT_EQ(plan.slots_on(LayerId{0}, RankId{0}), 3u);
    EXPECT_EQ(plan.slots_on(LayerId{0}, RankId{2}), 2u);
}

TEST(RandomPlacement, SeedsAndLayersDiffer) {
    auto const demand = random_demand(2, 4, 16, 1);
    auto const a = make_plan("random", {demand, 4, 1}), b = make_plan("random", {demand, 4, 2});
    EXPECT_NE(a.digest(), b.digest());
    EXPECT_NE(a.experts_on(LayerId{0}, RankId{0}), a.experts_on(LayerId{1}, RankId{0}));
}

}  // namespace
}  // namespace moewire
