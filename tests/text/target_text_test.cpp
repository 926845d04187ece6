// Bytes and words of ranges against those of the text itself.
#include "text/target_text.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "support/fixtures.hpp"

namespace moewire {
namespace {

struct Case {
    char const* name;
    std::string file;
};

std::vector<Case> cases() {
    return {{"sentencepiece", (home() / "models/tiny-phimoe/tokenizer.json").string()},
            {"byte_level", (fixtures() / "tokenizers/byte_level_nfc.json").string()},
            {"deepseek", (fixtures() / "tokenizers/deepseek_splits.json").string()}};
}

// Byte fallback, split characters and the replacement character itself among plain words.
std::string const text =
    "The sea is 14 °C – naïve, I know.  Two  spaces,\ttabs\n\nand lines; 日本語で書かれた, "
    "🙂👩‍👩‍👧‍👦 "
    "done.\nŁukasz said "
    "so. Ἀντώνιος, too: plain words follow, one after the other, up to \xEF\xBF\xBD the "
    "\xEF\xBF\xBD\xEF\xBF\xBD end \xEF\xBF\xBD";

std::int64_t words_of(std::string const& s) {
    std::int64_t words = 0;
    bool in_word = false;
    for (unsigned char const byte : s) {  // the text's white space is ASCII
        bool const space = byte == ' ' || byte == '\n' || byte == '\t';
        if (!space && !in_word) ++words;
        in_word = !space;
    }
    return words;
}

class TargetText : public testing::TestWithParam<Case> {
  protected:
    Tokenizer const tokenizer = Tokenizer::from_file(GetParam().file);
    std::vector<std::int32_t> const ids = tokenizer.encode(text);
};

TEST_P(TargetText, WholeTextIsTheTextItself) {
    ASSERT_EQ(tokenizer.decode(ids), text);
    auto const all = count_target_text(tokenizer, ids, std::vector<TokenRange>{{0, ids.size()}});
    EXPECT_EQ(all.bytes, static_cast<std::int64_t>(text.size()));
    EXPECT_EQ(all.words, words_of(text));
}

// Wherever ranges meet, nothing is counted twice or lost, in the middle of a character either.
TEST_P(TargetText, RangesThatTouchAddUp) {
    Random random(7, "cuts");
    for (int round = 0; round < 200; ++round) {
        std::vector<TokenRange> ranges;
        for (std::size_t at = 0; at < ids.size();) {
            auto const end = std::min(ids.size(), at + 1 + random.below(12));
            ranges.push_back({at, end});
            at = end;
        }
        auto const all = count_target_text(tokenizer, ids, ranges);
        ASSERT_EQ(all.bytes, static_cast<std::int64_t>(text.size())) << round;
        ASSERT_EQ(all.words, words_of(text)) << round;
    }
}

// From any token to the end: bytes are those of the text behind what the tokens before stand for.
TEST_P(TargetText, TheRestIsWhatIsNotBefore) {
    for (std::size_t at = 0; at <= ids.size(); ++at) {
        auto const before = count_target_text(tokenizer, ids, std::vector<TokenRange>{{0, at}});
        auto const rest = count_target_text(tokenizer, ids, std::vector<TokenRange>{{at, ids.size()}});
        EXPECT_EQ(before.bytes + rest.bytes, static_cast<std::int64_t>(text.size())) << at;
        auto const prefix = text.substr(0, static_cast<std::size_t>(before.bytes));
        EXPECT_EQ(before.words, words_of(prefix)) << at;
        EXPECT_EQ(before.words + rest.words, words_of(text)) << at;
    }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, TargetText, testing::ValuesIn(cases()),
                         [](auto const& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace moewire
