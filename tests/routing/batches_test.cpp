#include "routing/batches.hpp"

#include <gtest/gtest.h>

#include "support/routing.hpp"

namespace moewire {
namespace {

// Tokens begin .. end-1, as a rank that runs only these would have them.
Routing part_of(Routing const& all, std::size_t begin, std::size_t end) {
    Routing part{all.experts, Grid<std::int32_t, 3>(all.layers(), end - begin, all.top_k())};
    for (std::size_t layer = 0; layer < all.layers(); ++layer) {
        for (std::size_t token = begin; token < end; ++token) {
            auto const from = all.picks.row(layer, token);
            std::copy(from.begin(), from.end(), part.picks.row(layer, token - begin).begin());
        }
    }
    return part;
}

TEST(CountBatches, AreThePicksOfEachPart) {
    auto const routing = random_routing(2, 100, 8, 2, 1, 0.3);
    auto const counts = count_batches(routing, 0, 30, 3);
    for (std::size_t batch = 0; batch < 3; ++batch) {
        auto const expected = count_picks(part_of(routing, batch * 30, batch * 30 + 30));
        for (std::size_t layer = 0; layer < 2; ++layer) {
            for (std::size_t e = 0; e < 8; ++e) EXPECT_EQ(counts(batch, layer, e), expected(layer, e));
        }
    }
}

TEST(CountBatches, RanksTogetherAreOneRank) {
    auto const routing = random_routing(2, 100, 8, 2, 2, 0.3);
    auto const alone = count_batches(routing, 0, 25, 4);
    for (std::size_t const cut : {0U, 10U, 50U, 99U, 100U}) {
        auto together = count_batches(part_of(routing, 0, cut), 0, 25, 4);
        auto const second = count_batches(part_of(routing, cut, 100), static_cast<std::int64_t>(cut), 25, 4);
        for (std::size_t i = 0; i < together.size(); ++i) together.values()[i] += second.values()[i];
        EXPECT_EQ(together, alone) << cut;
    }
}

}  // namespace
}  // namespace moewire
