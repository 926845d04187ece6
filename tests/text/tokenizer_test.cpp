// The tokenizer against Hugging Face's library, by recorded pairs (tests/fixtures/make_tokenizers.py).
#include "text/tokenizer.hpp"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

using Ids = std::vector<std::int32_t>;

fs::path folder() {
    return fs::path(std::getenv("MOEWIRE_FIXTURES")) / "tokenizers";
}

std::vector<std::string> tokenizer_names() {
    std::vector<std::string> names;
    if (std::getenv("MOEWIRE_FIXTURES") == nullptr) return names;
    for (auto const& entry : fs::directory_iterator(folder())) {
        auto const name = entry.path().filename().string();
        if (name.ends_with(".pairs.json")) names.push_back(name.substr(0, name.size() - 11));
    }
    std::sort(names.begin(), names.end());
    return names;
}

class EveryTokenizer : public testing::TestWithParam<std::string> {
  protected:
    Tokenizer tokenizer = Tokenizer::from_file(folder() / (GetParam() + ".json"));
    Document pairs = read_json(folder() / (GetParam() + ".pairs.json"));
};

TEST_P(EveryTokenizer, EncodesAndDecodesAsTheLibrary) {
    ASSERT_GT(pairs["texts"].size(), 100u);
    for (auto const& pair : pairs["texts"]) {
        auto const text = pair[0].get<std::string>();
        auto const ids = pair[1].get<Ids>();
        EXPECT_EQ(tokenizer.encode(text), ids) << in_quotes(text);
        EXPECT_EQ(tokenizer.encode(text, SpecialTokens::from_template), pair[2].get<Ids>())
            << in_quotes(text);
        EXPECT_EQ(tokenizer.decode(ids), pair[3].get<std::string>()) << in_quotes(text);
        EXPECT_EQ(tokenizer.decode(ids, DecodeSpecial::skip), pair[4].get<std::string>()) << in_quotes(text);
    }
}

TEST_P(EveryTokenizer, DecodesAnyIdsAsTheLibrary) {
    for (auto const& pair : pairs["ids"]) {
        auto const ids = pair[0].get<Ids>();
        EXPECT_EQ(tokenizer.decode(ids), pair[1].get<std::string>()) << pair[0];
        EXPECT_EQ(tokenizer.decode(ids, DecodeSpecial::skip), pair[2].get<std::string>()) << pair[0];
    }
    EXPECT_EQ(tokenizer.vocabulary_size(), pairs["vocabulary_size"].get<int>());
}

TEST_P(EveryTokenizer, TakesAnyBytesAndEveryIdIsInTheVocabulary) {
    Random random(5, "bytes");
    for (int trial = 0; trial < 200; ++trial) {
        std::string bytes;
        for (std::uint64_t i = random.below(60); i > 0; --i) bytes += static_cast<char>(random.below(256));
        for (auto const id : tokenizer.encode(bytes)) EXPECT_LT(id, tokenizer.vocabulary_size());
    }
}

#ifdef NDEBUG
constexpr std::size_t line_bytes = 1'000'000;
#else
constexpr std::size_t line_bytes = 100'000;  // debug and sanitizer builds are tens of times slower
#endif

// Long lines of one kind collapse a quadratic merge, and recursion.
TEST_P(EveryTokenizer, LongLinesDoNotCollapse) {
    for (std::string const piece :
         {"e", " ", "the quick brown fox ", "\xE2\x96\x81", "\xF0\x9F\x99\x82", "1", "\n", "\x01"}) {
        std::string line;
        while (line.size() < line_bytes) line += piece;
        EXPECT_LT(tokenizer.decode(tokenizer.encode(line)).size(), 4 * line.size());
    }
}

INSTANTIATE_TEST_SUITE_P(Recorded, EveryTokenizer, testing::ValuesIn(tokenizer_names()),
                         [](auto const& p) { return p.param; });

TEST(Tokenizer, IllFormedTextCountsAsReplacementCharacters) {
    auto const tokenizer = Tokenizer::from_file(folder() / "sentencepiece.json");
    EXPECT_EQ(tokenizer.encode("a\xC3(\xE2\x82z\xF0\x9F\x99"),
              tokenizer.encode("a\xEF\xBF\xBD(\xEF\xBF\xBDz\xEF\xBF\xBD"));
    EXPECT_EQ(tokenizer.encode("\xED\xA0\x80"),
              tokenizer.encode("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"));  // a surrogate
}

TEST(Tokenizer, IdsOfNames) {
    auto const tokenizer = Tokenizer::from_file(folder() / "sentencepiece.json");
    EXPECT_EQ(tokenizer.id_of("<s>"), 1);
    EXPECT_EQ(tokenizer.id_of("<0x00>"), 3);
    EXPECT_FALSE(tokenizer.id_of("no such token").has_value());
}

// What a damaged file gets: one message that names the part.
struct Damage {
    char const* pointer;  // where in the file
    char const* value;    // JSON put there
    char const* fragment;
};
class DamagedFile : public testing::TestWithParam<Damage> {};

std::string message_for(Document const& json) {
    Scratch const scratch;
    write_file(scratch.path() / "tokenizer.json", json.dump());
    try {
        auto const tokenizer = Tokenizer::from_file(scratch.path() / "tokenizer.json");
        tokenizer.encode("some text 123 to be sure");
        return "(accepted)";
    } catch (Error const& error) {
        return error.what();
    }
}

TEST_P(DamagedFile, IsRefusedByPart) {
    auto json = read_json(folder() / "qwen_split.json");
    json[Document::json_pointer(GetParam().pointer)] = Document::parse(GetParam().value);
    auto const message = message_for(json);
    EXPECT_NE(message.find(GetParam().fragment), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Parts, DamagedFile,
    testing::Values(
        Damage{"/model", "null", "has no model"}, Damage{"/model/type", "\"WordPiece\"", "WordPiece"},
        Damage{"/model/vocab", "[]", "vocab"}, Damage{"/model/vocab/a", "-1", "whole number"},
        Damage{"/model/vocab/a", "3e9", "whole number"}, Damage{"/model/vocab/a", "1.5", "whole number"},
        Damage{"/model/vocab/zzz", "7", "id 7 to two tokens"},
        Damage{"/model/merges/0", "[\"a\", \"no such\"]", "\"no such\""},
        Damage{"/model/merges/0", "\"one\"", "merge 0"}, Damage{"/model/merges/0", "[1, 2]", "merge 0"},
        Damage{"/model/merges", "{}", "merges"}, Damage{"/model/dropout", "0.1", "dropout"},
        Damage{"/model/continuing_subword_prefix", "\"##\"", "continuing_subword_prefix"},
        Damage{"/model/byte_fallback", "1", "byte_fallback"},
        Damage{"/model/unk_token", "\"nowhere\"", "unk_token"},
        Damage{"/normalizer", "{\"type\": \"BertNormalizer\"}", "BertNormalizer"},
        Damage{"/normalizer", "7", "normalizer is no object"},
        Damage{"/pre_tokenizer/pretokenizers/0/pattern/Regex", "\"(unclosed\"", "does not compile"},
        Damage{"/pre_tokenizer/pretokenizers/0/pattern/Regex", "\"\\\\h+\"", "\\h"},
        Damage{"/pre_tokenizer/pretokenizers/0/pattern/Regex", "\"a{1,3}+\"", "interval"},
        Damage{"/pre_tokenizer/pretokenizers/0/pattern", "{}", "neither String nor Regex"},
        Damage{"/pre_tokenizer/pretokenizers/0/behavior", "\"Eaten\"", "Eaten"},
        Damage{"/pre_tokenizer/pretokenizers/1/type", "\"BertPreTokenizer\"", "BertPreTokenizer"},
        Damage{"/decoder/type", "\"WordPiece\"", "WordPiece"},
        Damage{"/post_processor", "{\"type\": \"RobertaProcessing\"}", "RobertaProcessing"},
        Damage{
            "/post_processor",
            R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<q>"}}], "special_tokens": {}})",
            "<q>"},
        Damage{"/added_tokens/0/id", "500", "place in the vocabulary is 0"},
        Damage{"/added_tokens/0/lstrip", "\"no\"", "lstrip"}));

TEST(Tokenizer, CatastrophicPatternsEnd) {
    auto json = read_json(folder() / "qwen_split.json");
    json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(?:a|aa|a+)+(?=[bc])";
    Scratch const scratch;
    write_file(scratch.path() / "tokenizer.json", json.dump());
    auto const tokenizer = Tokenizer::from_file(scratch.path() / "tokenizer.json");
    EXPECT_THROW(tokenizer.encode(std::string(5000, 'a')), Error);
}

TEST(Tokenizer, TruncatedFileIsRefused) {
    Scratch const scratch;
    auto const whole = read_file(folder() / "sentencepiece.json");
    write_file(scratch.path() / "tokenizer.json", whole.substr(0, whole.size() / 2));
    EXPECT_THROW(Tokenizer::from_file(scratch.path() / "tokenizer.json"), Error);
    EXPECT_THROW(Tokenizer::from_file(scratch.path() / "absent.json"), Error);
}

}  // namespace
}  // namespace moewire
