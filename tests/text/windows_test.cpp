#include "text/windows.hpp"

#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace moewire {
namespace {

constexpr auto no_limit = std::numeric_limits<std::int64_t>::max();

// 0, 1, 2, ...: a token tells where it stood.
std::vector<std::int32_t> count_up(std::size_t count) {
    std::vector<std::int32_t> tokens(count);
    std::iota(tokens.begin(), tokens.end(), 0);
    return tokens;
}

std::string refusal(auto&& action) {
    try {
        action();
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        return error.what();
    }
    return "";
}

TEST(Windows, StandSideBySideAndDropTheTail) {
    auto const tokens = count_up(11);
    auto const windows = disjoint_windows(tokens, 4, no_limit);
    EXPECT_EQ(windows.tokens, (Grid<std::int32_t, 2>({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7})));
    EXPECT_EQ(windows.windows(), 2);
    EXPECT_EQ(windows.first_target, 1);
    EXPECT_EQ(windows.targets(), 6);
}

// The count that the literature gives for WikiText-2's test text under Llama 2's tokenizer.
TEST(Windows, CountsAreThoseOfTheLiterature) {
    auto const windows = disjoint_windows(count_up(341'469), 2048, no_limit);
    EXPECT_EQ(windows.windows(), 166);
    EXPECT_EQ(windows.targets(), 166 * 2047);
}

TEST(Windows, ExactlyOneWindowIsEnough) {
    EXPECT_EQ(disjoint_windows(count_up(4), 4, no_limit).windows(), 1);
    EXPECT_EQ(disjoint_windows(count_up(2), 2, no_limit).targets(), 1);
}

TEST(Windows, LimitTakesTheFirstOnes) {
    auto const windows = disjoint_windows(count_up(100), 10, 3);
    EXPECT_EQ(windows.windows(), 3);
    EXPECT_EQ(windows.tokens(2, 9), 29);
}

TEST(Windows, EmptyOnesHaveNoTargets) {
    EXPECT_EQ(Windows{}.windows(), 0);
    EXPECT_EQ(Windows{}.targets(), 0);
}

TEST(Windows, RefusalsNameTheNumbers) {
    auto const tokens = count_up(1500);
    auto const too_long = refusal([&] { disjoint_windows(tokens, 2048, 10); });
    EXPECT_NE(too_long.find("1,500 tokens"), std::string::npos) << too_long;
    EXPECT_NE(too_long.find("2,048"), std::string::npos) << too_long;
    EXPECT_NE(too_long.find("longer text or a shorter window"), std::string::npos) << too_long;
    EXPECT_NE(refusal([&] { disjoint_windows({}, 2, 1); }).find("0 tokens"), std::string::npos);
    for (std::int64_t const length :
         {std::int64_t{1}, std::int64_t{0}, std::int64_t{-4}, std::numeric_limits<std::int64_t>::min()}) {
        auto const message = refusal([&] { disjoint_windows(tokens, length, 10); });
        EXPECT_NE(message.find("is " + std::to_string(length)), std::string::npos) << message;
    }
    for (std::int64_t const limit : {0, -1}) {
        auto const message = refusal([&] { disjoint_windows(tokens, 10, limit); });
        EXPECT_NE(message.find("limit on windows is " + std::to_string(limit)), std::string::npos) << message;
    }
    EXPECT_NE(refusal([&] { disjoint_windows(tokens, no_limit, no_limit); }), "");
}

TEST(ConsecutiveWindows, AreExactlyAsMany) {
    auto const tokens = count_up(11);
    EXPECT_EQ(consecutive_windows(tokens, 3, 2), (Grid<std::int32_t, 2>({2, 3}, {0, 1, 2, 3, 4, 5})));
    EXPECT_EQ(consecutive_windows(tokens, 11, 1).extent(0), 1U);
    EXPECT_EQ(consecutive_windows(tokens, 1, 11).extent(0), 11U);
}

TEST(ConsecutiveWindows, RefusalsSayWhatIsThereAndWhatIsNeeded) {
    auto const tokens = count_up(1199);
    auto const message = refusal([&] { consecutive_windows(tokens, 300, 4); });
    EXPECT_NE(message.find("1,199 tokens"), std::string::npos) << message;
    EXPECT_NE(message.find("1,200 are needed"), std::string::npos) << message;
    EXPECT_NE(refusal([&] { consecutive_windows(tokens, 0, 4); }).find("is 0"), std::string::npos);
    EXPECT_NE(refusal([&] { consecutive_windows(tokens, 4, 0); }).find("is 0"), std::string::npos);
    EXPECT_NE(refusal([&] { consecutive_windows(tokens, -4, -4); }).find("is -4"), std::string::npos);
}

// Products that do not fit into 64 bits must be refused, not wrapped into small numbers.
TEST(ConsecutiveWindows, HugeWishesDoNotOverflow) {
    auto const tokens = count_up(100);
    std::int64_t const huge = std::int64_t{1} << 40;
    EXPECT_NE(refusal([&] { consecutive_windows(tokens, huge, huge); }), "");
    EXPECT_NE(refusal([&] { consecutive_windows(tokens, std::int64_t{1} << 32, std::int64_t{1} << 32); }),
              "");
    EXPECT_NE(refusal([&] { consecutive_windows(tokens, no_limit, no_limit); }), "");
}

}  // namespace
}  // namespace moewire
