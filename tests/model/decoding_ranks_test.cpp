// Token by token with a cache of keys and values, against the whole sequence at once.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "model/scoring.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"

namespace moewire {
namespace {

// Positions begin .. begin + count - 1 of every sequence.
Grid<std::int32_t, 2> some_positions(Grid<std::int32_t, 2> const& tokens, std::size_t begin,
                                     std::size_t count) {
    Grid<std::int32_t, 2> part(tokens.extent(0), count);
    for (std::size_t s = 0; s < tokens.extent(0); ++s) {
        for (std::size_t p = 0; p < count; ++p) part(s, p) = tokens(s, begin + p);
    }
    return part;
}

struct Difference {
    double logits = 0;
    int picks = 0;
};

// How far one piece, positions begin .. begin + its length - 1, is from the whole.
void compare(ForwardResult const& piece, ForwardResult const& whole, std::size_t begin, Difference& worst) {
    auto const sequences = piece.logits.extent(0), count = piece.logits.extent(1);
    auto const positions = whole.logits.extent(1);
    for (std::size_t s = 0; s < sequences; ++s) {
        for (std::size_t p = 0; p < count; ++p) {
            for (std::size_t v = 0; v < whole.logits.extent(2); ++v) {
                double const error = std::abs(piece.logits(s, p, v) - whole.logits(s, begin + p, v));
                worst.logits = std::max(worst.logits, error);
            }
            for (std::size_t layer = 0; layer < piece.routing.layers(); ++layer) {
                for (std::size_t c = 0; c < piece.routing.top_k(); ++c)
                    worst.picks += piece.routing.picks(layer, s * count + p, c) !=
                                   whole.routing.picks(layer, s * positions + begin + p, c);
            }
        }
    }
}

class Decoding : public testing::TestWithParam<std::string> {};

// Longrope's magnitude changes beyond the original context for all positions at once, so that a sequence that
// grows over it is another one: that set is left out.
TEST_P(Decoding, StepsGiveTheLogitsAndPicksOfTheWhole) {
    Expected const expected(GetParam());
    auto const model = LanguageModel::load(fixture_model(GetParam()), {});
    TestParallel const parallel(*model, "random");
    for (std::string const set : {"short", "long"}) {
        auto const tokens = expected.tokens(set);
        auto const positions = tokens.extent(1);
        auto const& rope = model->config().rope;
        if (rope.type == "longrope" && static_cast<std::int64_t>(positions) > rope.original_max_positions)
            continue;
        auto const mine = share_of(tokens, world().rank(), world().size());
        Wanted wanted;
        wanted.read_out = ReadOut::keep;
        auto const whole = model->forward(mine, parallel.view(), wanted);
        double scale = 0;
        for (float const v : whole.logits.values()) scale = std::max(scale, std::abs(static_cast<double>(v)));

        // One by one; a few at once, then one by one; in uneven pieces.
        for (std::vector<std::size_t> const& pieces : {std::vector<std::size_t>{1}, {7, 1}, {2, 5, 3}}) {
            auto const cache = model->make_cache(static_cast<std::int64_t>(mine.extent(0)),
                                                 static_cast<std::int64_t>(positions));
            wanted.cache = cache.get();
            Difference worst;
            std::size_t piece = 0;
            for (std::size_t begin = 0; begin < positions; ++piece) {
                auto const count = std::min(pieces[std::min(piece, pieces.size() - 1)], positions - begin);
                compare(model->forward(some_positions(mine, begin, count), parallel.view(), wanted), whole,
                        begin, worst);
                begin += count;
            }
            EXPECT_LE(worst.logits, 1e-5 * scale) << set;
            EXPECT_EQ(worst.picks, 0) << set;
            EXPECT_EQ(cache->length(), static_cast<std::int64_t>(positions));
        }
        wanted.cache = nullptr;
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Decoding, testing::ValuesIn(fixture_models()));

TEST(Cache, IsRefusedWhenFullOnAllRanks) {
    auto const model = LanguageModel::load(fixture_model("mixtral-even"), {});
    TestParallel const parallel(*model, "contiguous");
    auto const cache = model->make_cache(1, 4);
    Wanted wanted;
    wanted.cache = cache.get();
    Grid<std::int32_t, 2> const three(1, 3);
    model->forward(three, parallel.view(), wanted);
    try {
        model->forward(three, parallel.view(), wanted);
        ADD_FAILURE() << "6 positions in a cache for 4";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
    }
    EXPECT_EQ(cache->length(), 3);
    cache->clear();
    model->forward(three, parallel.view(), wanted);
    EXPECT_EQ(cache->length(), 3);
}

}  // namespace
}  // namespace moewire
