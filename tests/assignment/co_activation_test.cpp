// Fewer rank copies, within a limit of load.
#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "support/placements.hpp"
#include "support/routing.hpp"

namespace moewire {
namespace {

// Experts 0 and 4, 1 and 5, ... are always chosen together.
struct Couples {
    Couples() : demand(Grid<std::int64_t, 3>({1, 1, 8}, {10, 20, 30, 40, 10, 20, 30, 40})), pairs(1, 8, 8) {
        for (std::int32_t e = 0; e < 4; ++e) pairs(0, e, e + 4) = pairs(0, e + 4, e) = 10 * (e + 1);
    }
    Demand demand;
    Grid<std::int64_t, 3> pairs;
};

std::int64_t pairs_together(Assignment const& plan, Grid<std::int64_t, 3> const& pairs) {
    std::int64_t together = 0;
    for (ExpertId const a : ids<ExpertId>(plan.experts())) {
        for (ExpertId const b : ids<ExpertId>(plan.experts())) {
            auto const rank = plan.rank_of(LayerId{0}, SlotId{plan.copies_of(LayerId{0}, a).front()});
            if (plan.holds(LayerId{0}, rank, b)) together += pairs(0, a, b);
        }
    }
    return together;
}

TEST(CoActivation, CouplesShareARank) {
    Couples const given;
    auto const plan = make_plan("co_activation:max_load=10", {given.demand, 4, 0, {}, &given.pairs});
    EXPECT_EQ(pairs_together(plan, given.pairs), 200);
    EXPECT_EQ(worst_load(plan, given.demand), 80);
}

TEST(CoActivation, TheLimitOfLoadHoldsWhereItCan) {
    Couples const given;
    auto const plan = make_plan("co_activation:max_load=1", {given.demand, 4, 0, {}, &given.pairs});
    EXPECT_EQ(worst_load(plan, given.demand), 50);  // 40 + 10, 30 + 20, ...: the mean itself
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        auto const demand = random_demand(1, 8, 64, seed);
        Grid<std::int64_t, 3> pairs(1, 64, 64);
        Random random(seed, "pairs");
        for (std::int32_t a = 0; a < 64; ++a) {
            for (std::int32_t b = 0; b < a; ++b)
                pairs(0, a, b) = pairs(0, b, a) = static_cast<std::int64_t>(random.below(50));
        }
        auto const grouped = make_plan("co_activation", {demand, 8, 0, {}, &pairs});
        auto const plain = make_plan("contiguous", {demand, 8});
        EXPECT_GT(pairs_together(grouped, pairs), pairs_together(plain, pairs));
        EXPECT_LE(static_cast<double>(worst_load(grouped, demand)) * 8,
                  1.2 * static_cast<double>(sum(demand.expert_load(LayerId{0}))));
    }
}

}  // namespace
}  // namespace moewire
