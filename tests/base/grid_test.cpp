#include "base/grid.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace moewire {
namespace {

TEST(Grid, IndexesRowMajorByNumbersAndIds) {
    Grid<int, 3> grid(2, 3, 4);
    int value = 0;
    for (int& x : grid.row()) x = value++;
    EXPECT_EQ(grid(1, 2, 3), 23);
    EXPECT_EQ(grid(LayerId{1}, RankId{0}, ExpertId{2}), 14);
    EXPECT_EQ(grid.extent(1), 3u);
}

TEST(Grid, RowsAreTheContiguousTail) {
    Grid<int, 3> grid(2, 3, 4);
    grid(1, 2, 0) = 7;
    EXPECT_EQ(grid.row(1).size(), 12u);
    EXPECT_EQ(grid.row(1, 2).front(), 7);
    EXPECT_EQ(grid.row().size(), 24u);
}

TEST(Grid, EmptyAxesHoldNothing) {
    Grid<double, 2> const grid(0, 5);
    EXPECT_TRUE(grid.empty());
    EXPECT_EQ(sum(grid.values()), 0.0);
}

#ifndef NDEBUG
TEST(Grid, ContractCatchesAnIndexBeyondTheShape) {
    Grid<int, 1> grid(3);
    EXPECT_THROW(grid(3), Error);
}
#endif

TEST(Ids, RangeCoversAllInOrder) {
    std::size_t expected = 0;
    for (RankId const rank : ids<RankId>(4)) EXPECT_EQ(index_of(rank), expected++);
    EXPECT_EQ(expected, 4u);
}

}  // namespace
}  // namespace moewire
