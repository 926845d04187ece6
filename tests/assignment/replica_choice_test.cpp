#include "assignment/replica_choice.hpp"

#include <set>

#include <gtest/gtest.h>

#include "support/catalogue.hpp"
#include "support/placements.hpp"
#include "support/routing.hpp"

namespace moewire {
namespace {

// Expert 0 on ranks 0, 1 and 3, expert 1 on ranks 2 and 3, experts 2 and 3 once.
Assignment plan_with(std::string const& choice, std::vector<std::int32_t> nodes = {}) {
    return Assignment::from_slots(
        {{{0, 0, 0.5}, {0, 1, 0.25}, {0, 3, 0.25}, {1, 2, 0.9}, {1, 3, 0.1}, {2, 1}, {3, 2}}}, 4, 4,
        {choice, 5, std::move(nodes)});
}

class EveryChoice : public testing::TestWithParam<std::string> {};

TEST_P(EveryChoice, RowsGoToCopiesOfTheirExpertAndCountsCanBeForeseen) {
    auto const plan = plan_with(GetParam());
    auto const routing = random_routing(1, 500, 4, 2, 3);
    for (RankId const source : ids<RankId>(4)) {
        auto picks = routing.picks.values();
        picks[7] = no_pick;
        auto const slots = choose_slots(plan, LayerId{0}, source, picks);
        EXPECT_EQ(slots[7], no_slot);
        EXPECT_EQ(slots, choose_slots(plan, LayerId{0}, source, picks));
        for (ExpertId const expert : ids<ExpertId>(4)) {
            auto const copies = plan.copies_of(LayerId{0}, expert);
            std::vector<std::int64_t> counts(copies.size());
            std::int64_t rows = 0;
            for (std::size_t row = 0; row < picks.size(); ++row) {
                if (picks[row] != static_cast<std::int32_t>(expert)) continue;
                auto const at = std::find(copies.begin(), copies.end(), slots[row]);
                ASSERT_NE(at, copies.end());
                ++counts[static_cast<std::size_t>(at - copies.begin())];
                ++rows;
            }
            EXPECT_EQ(counts, split_rows(plan, LayerId{0}, source, expert, rows));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryChoice, testing::ValuesIn(catalogue_names<ReplicaChoice>()),
                         parameter_name);

using Counts = std::vector<std::int64_t>;

TEST(ReplicaChoice, StaticKeepsHomeThenNode) {
    auto const split = [](Assignment const& plan, int source, int expert) {
        return split_rows(plan, LayerId{0}, RankId{source}, ExpertId{expert}, 100);
    };
    auto const plan = plan_with("static", {0, 0, 1, 1});
    EXPECT_EQ(split(plan, 0, 0), (Counts{100, 0, 0}));
    EXPECT_EQ(split(plan, 1, 0), (Counts{0, 100, 0}));
    EXPECT_EQ(split(plan, 2, 0), (Counts{0, 0, 100}));  // rank 3 shares its node
    EXPECT_EQ(split(plan, 2, 1), (Counts{100, 0}));
    std::set<Counts> taken;
    for (int source : {0, 1}) taken.insert(split(plan, source, 1));  // neither has one near: they take turns
    EXPECT_EQ(taken.size(), 2u);
}

TEST(ReplicaChoice, RoundRobinIsEvenWeightedFollowsSharesRandomIsNear) {
    auto const split = [](char const* choice) {
        return split_rows(plan_with(choice), LayerId{0}, RankId{2}, ExpertId{0}, 1001);
    };
    EXPECT_EQ(split("round_robin"), (Counts{334, 333, 334}));  // it starts at copy 2
    EXPECT_EQ(split("weighted"), (Counts{501, 250, 250}));
    for (auto const count : split("random")) EXPECT_NEAR(static_cast<double>(count), 1001.0 / 3, 60);
}

}  // namespace
}  // namespace moewire
