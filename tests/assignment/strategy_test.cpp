#include "assignment/strategy.hpp"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "base/registry.hpp"
#include "support/catalogue.hpp"
#include "support/routing.hpp"

namespace moewire {
namespace {

// What must hold for every strategy there is, on even and uneven shapes.
class EveryStrategy : public testing::TestWithParam<std::string> {};

TEST_P(EveryStrategy, PlansAreValidOnEvenAndUnevenShapes) {
    for (auto const& [experts, ranks] : {std::pair{8, 4}, {16, 4}, {7, 3}, {5, 5}, {64, 8}, {3, 1}}) {
        auto const demand = random_demand(3, ranks, experts, 11);
        auto const plan = make_plan(GetParam(), {demand, ranks, 5});  // the constructor checks validity
        EXPECT_EQ(plan.experts(), experts);
        EXPECT_EQ(plan.ranks(), ranks);
        EXPECT_EQ(plan.layers(), 3u);
        for (RankId const rank : ids<RankId>(ranks)) {
            if (plan.has_replicas()) continue;
            EXPECT_LE(plan.slots_on(LayerId{0}, rank),
                      static_cast<std::size_t>((experts + ranks - 1) / ranks));
        }
    }
}

TEST_P(EveryStrategy, SameRequestSamePlan) {
    auto const demand = random_demand(2, 4, 16, 3);
    EXPECT_EQ(make_plan(GetParam(), {demand, 4, 9}), make_plan(GetParam(), {demand, 4, 9}));
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

std::int64_t worst_load(Assignment const& plan, Demand const& demand) {
    std::vector<std::int64_t> load(static_cast<std::size_t>(plan.ranks()));
    auto const of_expert = demand.expert_load(LayerId{0});
    for (ExpertId const e : ids<ExpertId>(plan.experts())) {
        load[index_of(plan.rank_of(LayerId{0}, plan.slot_of(LayerId{0}, e)))] += of_expert[index_of(e)];
    }
    return *std::max_element(load.begin(), load.end());
}

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
