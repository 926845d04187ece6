// Protocols against slow and plain oracles over many lengths, and the laws that each one promises.
#include "text/protocol.hpp"

#include <limits>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/fixtures.hpp"

namespace moewire {
namespace {

constexpr auto no_limit = std::numeric_limits<std::int64_t>::max();

std::vector<WindowPlace> places(std::string const& protocol, PlacesRequest const& request) {
    return Registry<Protocol>::instance().at(protocol).value.places(request);
}

// Target position -> how many tokens before it its window shows; a second target at one position fails.
std::map<std::int64_t, std::int64_t> pasts(std::vector<WindowPlace> const& all) {
    std::map<std::int64_t, std::int64_t> past;
    for (auto const& w : all) {
        EXPECT_GE(w.first_target, 1);
        EXPECT_GT(w.length, w.first_target);
        for (auto at = w.first_target; at < w.length; ++at)
            EXPECT_TRUE(past.emplace(w.begin + at, at).second) << "scored twice: " << w.begin + at;
    }
    return past;
}

// The lengths tried: every text of up to 40 tokens, every window and stride that fits.
template <class Try>
void for_all_lengths(std::int64_t least_window, Try&& attempt) {
    for (std::int64_t n = least_window; n <= 40; ++n)
        for (auto window = least_window; window <= n; ++window)
            for (std::int64_t stride = 1; stride <= window; ++stride)
                attempt(PlacesRequest{n, window, stride, no_limit});
}

// Token t is scored by the first window that reaches it: begin = s * stride, end = min(begin + window, n).
TEST(HfStride, EveryTokenIsScoredByTheFirstWindowThatReachesIt) {
    for_all_lengths(2, [](PlacesRequest const& r) {
        std::map<std::int64_t, std::int64_t> expected;
        for (std::int64_t t = 1; t < r.text_tokens; ++t) {
            std::int64_t begin = 0;
            while (begin + r.window_tokens <= t) begin += r.stride_tokens;
            if (t > begin) expected[t] = t - begin;  // else the window shows nothing before it
        }
        EXPECT_EQ(pasts(places("hf_stride", r)), expected)
            << r.text_tokens << " " << r.window_tokens << " " << r.stride_tokens;
    });
}

TEST(HfStride, ConservesTokens) {
    for_all_lengths(2, [](PlacesRequest const& r) {
        auto const scored = static_cast<std::int64_t>(pasts(places("hf_stride", r)).size());
        auto const unscored =
            r.stride_tokens < r.window_tokens ? 1 : (r.text_tokens + r.window_tokens - 1) / r.window_tokens;
        EXPECT_EQ(scored, r.text_tokens - unscored);
    });
}

TEST(HfStride, AsWrittenByHand) {
    EXPECT_EQ(places("hf_stride", {11, 4, 2, no_limit}),
              (std::vector<WindowPlace>{{0, 4, 1}, {2, 4, 2}, {4, 4, 2}, {6, 4, 2}, {8, 3, 2}}));
    EXPECT_EQ(places("hf_stride", {10, 4, 3, no_limit}),
              (std::vector<WindowPlace>{{0, 4, 1}, {3, 4, 1}, {6, 4, 1}}));
    EXPECT_EQ(places("hf_stride", {11, 4, 2, 2}), (std::vector<WindowPlace>{{0, 4, 1}, {2, 4, 2}}));
    EXPECT_EQ(places("hf_stride", {9, 4, 4, no_limit}), (std::vector<WindowPlace>{{0, 4, 1}, {4, 4, 1}}));
}

TEST(Disjoint, IsWhatDisjointWindowsCuts) {
    for_all_lengths(2, [](PlacesRequest const& r) {
        std::vector<WindowPlace> expected;
        for (std::int64_t begin = 0; begin + r.window_tokens <= r.text_tokens; begin += r.window_tokens)
            expected.push_back({begin, r.window_tokens, 1});
        EXPECT_EQ(places("disjoint", r), expected);
    });
}

TEST(LlamaCpp, ScoresTheSecondHalf) {
    for_all_lengths(3, [](PlacesRequest const& r) {
        auto const all = places("llama_cpp", r);
        EXPECT_EQ(static_cast<std::int64_t>(all.size()), r.text_tokens / r.window_tokens);
        for (std::size_t w = 0; w < all.size(); ++w) {
            EXPECT_EQ(all[w].begin, static_cast<std::int64_t>(w) * r.window_tokens);
            EXPECT_EQ(all[w].length, r.window_tokens);
            EXPECT_EQ(all[w].length - all[w].first_target, r.window_tokens - 1 - r.window_tokens / 2);
        }
        pasts(all);
    });
    auto const usual = places("llama_cpp", {1200, 512, 0, no_limit});
    EXPECT_EQ(usual, (std::vector<WindowPlace>{{0, 512, 257}, {512, 512, 257}}));  // 255 targets each
}

TEST(Protocols, TakeTheFirstWindowsOnly) {
    for (auto const& entry : Registry<Protocol>::instance().entries()) {
        auto const all = entry.value.places({100, 10, 5, no_limit});
        for (std::int64_t most = 1; most < 12; ++most) {
            auto const some = entry.value.places({100, 10, 5, most});
            ASSERT_EQ(some.size(), std::min<std::size_t>(all.size(), most)) << entry.name;
            EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << entry.name;
        }
    }
}

class Cutting : public testing::Test {
  protected:
    Tokenizer const tokenizer = Tokenizer::from_file(home() / "models/tiny-phimoe/tokenizer.json");
    std::string const text =
        "One two three four five six seven eight nine ten.\nAnd so on, until the end of it.\n";
    std::vector<std::int32_t> const ids = tokenizer.encode(text);

    std::string refusal(CutOptions const& options) const {
        try {
            cut_text(tokenizer, text, options);
        } catch (Error const& error) {
            EXPECT_EQ(error.exit_code(), 2);
            return error.what();
        }
        ADD_FAILURE() << "not refused";
        return "";
    }
};

TEST_F(Cutting, DisjointIsTheTextItself) {
    auto const cut = cut_text(tokenizer, text, {"disjoint", 8});
    auto const expected = disjoint_windows(ids, 8, no_limit);
    ASSERT_EQ(cut.groups.size(), 1U);
    EXPECT_EQ(cut.groups[0].tokens, expected.tokens);
    EXPECT_EQ(cut.groups[0].first_target, 1);
    EXPECT_EQ(cut.bos, "none");
    EXPECT_EQ(cut.text_tokens, static_cast<std::int64_t>(ids.size()));
}

TEST_F(Cutting, OverlappingWindowsHoldTheTextBehindBos) {
    auto framed = tokenizer.encode(text, SpecialTokens::from_template);
    ASSERT_EQ(framed.front(), 1);
    auto const cut = cut_text(tokenizer, text, {"hf-stride", 9, 4});
    EXPECT_EQ(cut.protocol, "hf_stride");
    EXPECT_EQ(cut.bos, "<s> before the text");
    EXPECT_EQ(cut.targets(), static_cast<std::int64_t>(ids.size()));  // BOS alone is none
    std::size_t window = 0;
    for (auto const& group : cut.groups)
        for (std::size_t w = 0; w < group.tokens.extent(0); ++w, ++window)
            for (std::size_t at = 0; at < group.tokens.extent(1); ++at)
                EXPECT_EQ(group.tokens(w, at), framed[window * 4 + at]) << window << " " << at;
    EXPECT_EQ(static_cast<std::int64_t>(window), cut.windows());
    EXPECT_EQ(cut.targets_of_window().size(), window);
}

TEST_F(Cutting, BosReplacesTheFirstTokenOfEveryChunk) {
    auto const framed = tokenizer.encode(text, SpecialTokens::from_template);
    auto const cut = cut_text(tokenizer, text, {"llama.cpp", 8});
    ASSERT_EQ(cut.groups.size(), 1U);
    auto const& grid = cut.groups[0].tokens;
    EXPECT_EQ(grid.extent(0), framed.size() / 8);
    for (std::size_t w = 0; w < grid.extent(0); ++w)
        for (std::size_t at = 0; at < 8; ++at) EXPECT_EQ(grid(w, at), at == 0 ? 1 : framed[w * 8 + at]);
    EXPECT_EQ(cut.bos, "<s> before the text and in place of every window's first token");
    EXPECT_EQ(cut_text(tokenizer, text, {"llama_cpp", 8, 0, 0, "none"}).bos, "none");
}

TEST_F(Cutting, ATokenizerWithoutBosAddsNone) {
    auto const bare = Tokenizer::from_file(fixtures() / "tokenizers/byte_level_nfc.json");
    ASSERT_TRUE(bare.beginning().empty());
    auto const cut = cut_text(bare, text, {"llama_cpp", 8});
    EXPECT_EQ(cut.bos, "none (the tokenizer adds none)");
    EXPECT_EQ(cut.groups[0].tokens(1, 0), bare.encode(text)[8]);
}

TEST_F(Cutting, DigestsTellWindowsApart) {
    std::set<std::string> digests;
    std::vector<CutOptions> const all = {
        {"disjoint", 8},  {"disjoint", 9},     {"disjoint", 8, 0, 1}, {"llama_cpp", 8},
        {"hf_stride", 8}, {"hf_stride", 8, 3}, {"hf_stride", 8, 8},   {"llama_cpp", 8, 0, 0, "none"}};
    for (auto const& options : all) {
        auto const digest = cut_text(tokenizer, text, options).digest();
        EXPECT_TRUE(digests.insert(digest).second) << options.protocol;
        EXPECT_EQ(cut_text(tokenizer, text, options).digest(), digest);
    }
}

TEST_F(Cutting, RefusalsNameWhatIsWrong) {
    auto const has = [&](CutOptions const& options, char const* words) {
        auto const message = refusal(options);
        EXPECT_NE(message.find(words), std::string::npos) << message;
    };
    has({"strided"}, "disjoint, hf_stride, llama_cpp");
    has({"disjoint", 1}, "is 1");
    has({"llama_cpp", 2}, "ask for 3 or more");
    has({"disjoint", -7}, "is -7");
    has({"disjoint", 4096}, "4,096");
    has({"disjoint", 8, 4}, "takes no stride");
    has({"hf_stride", 8, 9}, "longer than the window of 8");
    has({"hf_stride", 8, -1}, "is -1");
    has({"disjoint", 8, 0, -1}, "limit on windows is -1");
    has({"disjoint", 8, 0, 0, "sometimes"}, "protocol, none, text, window");
    has({"hf_stride", no_limit, no_limit}, "9,223,372,036,854,775,807");
}

}  // namespace
}  // namespace moewire
