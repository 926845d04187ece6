// Exact packing against brute force over every split.
#include <algorithm>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "support/placements.hpp"
#include "support/routing.hpp"

namespace moewire {
namespace {

// Least maximum by trying every way to fill ranks of these sizes.
class BruteForce {
  public:
    BruteForce(std::vector<std::int64_t> load, std::vector<std::int32_t> places)
        : load_(std::move(load)), places_(std::move(places)), filled_(places_.size()) {
        place(0);
    }
    std::int64_t best() const { return best_; }

  private:
    void place(std::size_t item) {
        if (item == load_.size()) {
            best_ = std::min(best_, *std::max_element(filled_.begin(), filled_.end()));
            return;
        }
        for (std::size_t rank = 0; rank < places_.size(); ++rank) {
            if (places_[rank] == 0) continue;
            --places_[rank], filled_[rank] += load_[item];
            place(item + 1);
            ++places_[rank], filled_[rank] -= load_[item];
        }
    }
    std::vector<std::int64_t> load_;
    std::vector<std::int32_t> places_;
    std::vector<std::int64_t> filled_;
    std::int64_t best_ = std::numeric_limits<std::int64_t>::max();
};

TEST(ExactPack, EqualsBruteForceAndIsNeverAboveEplbPack) {
    int better = 0;
    for (auto const& [experts, ranks] :
         {std::pair{8, 2}, {8, 4}, {7, 3}, {9, 3}, {6, 4}, {10, 2}, {5, 5}, {3, 1}}) {
        for (std::uint64_t seed = 0; seed < 60; ++seed) {
            auto const demand = random_demand(1, ranks, experts, seed);
            auto const exact = worst_load(make_plan("exact_pack", {demand, ranks}), demand);
            auto const packed = worst_load(make_plan("eplb_pack", {demand, ranks}), demand);
            BruteForce const brute(demand.expert_load(LayerId{0}), even_capacities(experts, ranks));
            ASSERT_EQ(exact, brute.best()) << experts << " experts on " << ranks << " ranks, seed " << seed;
            ASSERT_LE(exact, packed);
            better += exact < packed;
        }
    }
    EXPECT_GT(better, 20);
}

TEST(ExactPack, StatesItsGapWhenTheBudgetEnds) {
    auto const demand = random_demand(2, 8, 64, 3);
    auto const gap = [&](char const* spec) {
        return make_schedule(spec, {{demand, 8}, demand, 1}).notes.at("gap_to_lower_bound");
    };
    EXPECT_GT(gap("exact_pack:nodes=1"), 0);
    EXPECT_LE(gap("exact_pack"), gap("exact_pack:nodes=1"));
    auto const small = random_demand(3, 4, 16, 5);
    EXPECT_EQ(make_schedule("exact_pack", {{small, 4}, small, 1}).notes.at("gap_to_lower_bound"), 0);
}

TEST(ExactPack, NeverAboveEplbPackOnLargerShapes) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        auto const demand = random_demand(1, 8, 64, seed);
        EXPECT_LE(worst_load(make_plan("exact_pack:nodes=20000", {demand, 8}), demand),
                  worst_load(make_plan("eplb_pack", {demand, 8}), demand));
    }
}

}  // namespace
}  // namespace moewire
