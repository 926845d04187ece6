#include "assignment/assignment.hpp"

#include <gtest/gtest.h>

#include "assignment/migration.hpp"
#include "base/error.hpp"

namespace moewire {
namespace {

Assignment two_layers() {
    Grid<std::int32_t, 2> ranks({2, 5}, {1, 0, 1, 0, 2, 0, 1, 2, 0, 1});
    return Assignment::from_expert_ranks(ranks, 3);
}

TEST(Assignment, SlotsAreOrderedByRankThenExpert) {
    auto const a = two_layers();
    EXPECT_EQ(a.experts_on(LayerId{0}, RankId{0}), (std::vector{ExpertId{1}, ExpertId{3}}));
    EXPECT_EQ(a.experts_on(LayerId{0}, RankId{2}), (std::vector{ExpertId{4}}));
    EXPECT_EQ(a.rank_of(LayerId{1}, SlotId{a.copies_of(LayerId{1}, ExpertId{2}).front()}), RankId{2});
    EXPECT_EQ(a.slots_on(LayerId{1}, RankId{1}), 2u);
    EXPECT_FALSE(a.has_replicas());
}

TEST(Assignment, DamagedPlansAreRefused) {
    using Table = Grid<std::int32_t, 2>;
    auto const build = [](std::vector<std::int32_t> experts, std::vector<std::int32_t> ranks) {
        std::array const shape{std::size_t{1}, experts.size()};
        return Assignment(Table(shape, experts), Table(shape, ranks), 3, 2);
    };
    EXPECT_NO_THROW(build({0, 1, 2, 0}, {0, 0, 1, 1}));  // a copy of expert 0
    EXPECT_THROW(build({0, 1, 1}, {0, 0, 1}), Error);    // expert 2 nowhere
    EXPECT_THROW(build({0, 1, 2}, {0, 0, 0}), Error);    // rank 1 idle
    EXPECT_THROW(build({0, 1, 3}, {0, 0, 1}), Error);    // no expert 3
    EXPECT_THROW(build({0, 1, 2}, {0, 0, 2}), Error);    // no rank 2
    EXPECT_THROW(build({0, 1, 2}, {0, -1, 1}), Error);
    EXPECT_TRUE(build({0, 1, 2, 0}, {0, 0, 1, 1}).has_replicas());
}

TEST(Assignment, DigestTellsPlansApart) {
    auto const a = two_layers();
    Grid<std::int32_t, 2> ranks({2, 5}, {1, 0, 1, 0, 2, 0, 1, 2, 1, 0});
    EXPECT_EQ(a.digest(), two_layers().digest());
    EXPECT_NE(a.digest(), Assignment::from_expert_ranks(ranks, 3).digest());
    EXPECT_EQ(moved_experts(a, two_layers()), 0);
    EXPECT_EQ(moved_experts(a, Assignment::from_expert_ranks(ranks, 3)), 2);
}

}  // namespace
}  // namespace moewire
