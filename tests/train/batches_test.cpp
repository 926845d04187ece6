// Batches: every window once an epoch, the same for every number of ranks, and clear words where none can be.
#include "train/batches.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "train/trainer.hpp"

namespace moewire {
namespace {

std::vector<std::int32_t> numbers(std::int32_t count, std::int32_t first = 0) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), first);
    return values;
}

TEST(Batches, TakeEveryWindowOnceAnEpochInAnotherOrder) {
    auto const batches = Batches::by_epoch({numbers(80), numbers(40, 1000)}, {4, 1, 10, 7}, 0);
    EXPECT_EQ(batches.windows(), 12);
    ASSERT_EQ(batches.steps_of_epoch(), 3);
    std::vector<std::vector<std::int32_t>> orders;
    for (int epoch : {0, 1}) {
        std::vector<std::int32_t> firsts;
        for (int step = 0; step < 3; ++step) {
            auto const batch = batches.of_step(epoch * 3 + step, Communicator());
            ASSERT_EQ(batch.size(), 1u);
            for (std::size_t row = 0; row < 4; ++row) firsts.push_back(batch[0](row, 0));
        }
        orders.push_back(firsts);
        EXPECT_EQ(std::set<std::int32_t>(firsts.begin(), firsts.end()).size(), 12u);
    }
    EXPECT_NE(orders[0], orders[1]);
}

TEST(Batches, OfOneStepAreTheSameHoweverItIsParted) {
    auto const whole = Batches::at_random({numbers(500), numbers(300, 1000)}, {6, 1, 16, 3});
    auto const parted = Batches::at_random({numbers(500), numbers(300, 1000)}, {6, 3, 16, 3});
    auto const one = whole.of_step(5, Communicator())[0].values();
    std::vector<std::int32_t> joined;
    for (auto const& batch : parted.of_step(5, Communicator()))
        joined.insert(joined.end(), batch.values().begin(), batch.values().end());
    EXPECT_TRUE(std::equal(one.begin(), one.end(), joined.begin(), joined.end()));
    auto const next = whole.of_step(6, Communicator())[0].values();
    EXPECT_FALSE(std::equal(one.begin(), one.end(), next.begin(), next.end()));
}

TEST(Batches, ThatCannotBeAreRefused) {
    EXPECT_THROW(Batches::by_epoch({numbers(30)}, {4, 1, 10, 0}, 0), Error);   // 3 windows
    EXPECT_THROW(Batches::by_epoch({numbers(100)}, {4, 1, 10, 0}, 3), Error);  // as asked
    EXPECT_THROW(Batches::at_random({numbers(10)}, {4, 1, 10, 0}), Error);
    EXPECT_THROW(Batches::at_random({numbers(100)}, {4, 3, 10, 0}), Error);
    EXPECT_THROW(Batches::at_random({numbers(100)}, {4, 1, 1, 0}), Error);
}

TEST(RateSchedule, RisesThenFallsToItsFloor) {
    RateSchedule const schedule{2.0, 10, 101, 0.1};
    EXPECT_LT(schedule.at(0), schedule.at(9));
    EXPECT_NEAR(schedule.at(0), 0.2, 1e-3);
    EXPECT_NEAR(schedule.at(50), 2.0 * 0.55, 1e-9);
    EXPECT_NEAR(schedule.at(100), 0.2, 1e-9);
    EXPECT_NEAR(schedule.at(1000), 0.2, 1e-9);
}

}  // namespace
}  // namespace moewire
