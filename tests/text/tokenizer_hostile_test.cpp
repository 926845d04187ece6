// Files that ask for more memory or time than any tokenizer needs, each by one trick, and what a terminal
// must not see.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "support/scratch.hpp"
#include "text/tokenizer.hpp"

namespace moewire {
namespace {

// A tokenizer of two letters, with the given parts besides.
Document small_tokenizer(std::string_view parts) {
    auto json = Document::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})");
    json.update(Document::parse(parts));
    return json;
}

// What reading it and encoding the text throws; "" for nothing. It must be the user's to mend: exit code 2.
std::string message_for(Document const& json,
                        std::string const& text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac") {
    Scratch const scratch;
    auto const path = scratch.path() / "tokenizer.json";
    write_file(path, json.dump());
    try {
        auto const tokenizer = Tokenizer::from_file(path);
        tokenizer.decode(tokenizer.encode(text, SpecialTokens::from_template));
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2) << error.what();
        EXPECT_NE(std::string_view(error.what()).find(path.string()), std::string::npos) << error.what();
        return error.what();
    }
    return "";
}

Document repeated(Document const& one, int times) {
    return Document(static_cast<std::size_t>(times), one);
}

constexpr std::string_view doubling = R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})";

TEST(HostileTokenizer, TextsThatDoubleAgainAndAgainAreRefused) {
    auto const many = repeated(Document::parse(doubling), 60);
    auto const expect_refused = [](Document const& json) {
        EXPECT_NE(message_for(json).find("64 times as much"), std::string::npos) << message_for(json);
    };
    expect_refused(
        small_tokenizer(Document({{"normalizer", {{"type", "Sequence"}, {"normalizers", many}}}}).dump()));
    expect_refused(
        small_tokenizer(Document({{"decoder", {{"type", "Sequence"}, {"decoders", many}}}}).dump()));
    auto const spaces = repeated({{"type", "ByteLevel"}, {"add_prefix_space", true}}, 60);
    expect_refused(small_tokenizer(
        Document({{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", spaces}}}}).dump()));
}

TEST(HostileTokenizer, SequencesWithinSequencesShareOneLimit) {
    Document nested = Document::parse(doubling);
    for (int depth = 0; depth < 12; ++depth)
        nested = {{"type", "Sequence"}, {"normalizers", repeated(nested, 2)}};
    auto const message = message_for(small_tokenizer(Document({{"normalizer", nested}}).dump()));
    EXPECT_NE(message.find("components (at most 256"), std::string::npos) << message;
}

TEST(HostileTokenizer, OneLongReplacementIsRefused) {
    Document const long_one = {
        {"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(1 << 19, 'x')}};
    EXPECT_NE(message_for(small_tokenizer(Document({{"normalizer", long_one}}).dump())), "");
}

TEST(HostileTokenizer, TemplatesOfManyTokensAreRefused) {
    Document const piece = {{"SpecialToken", {{"id", "<s>"}}}};
    auto single = repeated(piece, 500);
    single.push_back({{"Sequence", {{"id", "A"}}}});
    Document const post = {{"type", "TemplateProcessing"},
                           {"single", single},
                           {"special_tokens", {{"<s>", {{"ids", repeated(0, 5000)}}}}}};
    auto const message = message_for(small_tokenizer(Document({{"post_processor", post}}).dump()));
    EXPECT_NE(message.find("more than 1024 tokens"), std::string::npos) << message;
}

TEST(HostileTokenizer, PatternsThatTakeForeverAreRefused) {
    for (auto const* pattern :
         {"(?:a|a)*$b?c{2}", "(?:a|aa)+$", "(?:a|aa|a+)+(?=[d])", "(*NO_JIT)(?:a|aa)+$"}) {
        Document const split = {{"type", "Split"},
                                {"pattern", {{"Regex", pattern}}},
                                {"behavior", "Isolated"},
                                {"invert", false}};
        auto const json = small_tokenizer(Document({{"pre_tokenizer", split}}).dump());
        auto const message = message_for(json, std::string(3000, 'a') + "c");
        EXPECT_NE(message.find("matching stopped"), std::string::npos) << pattern << ": " << message;
    }
    Document const split = {{"type", "Split"},
                            {"pattern", {{"Regex", std::string(70'000, 'a')}}},
                            {"behavior", "Isolated"},
                            {"invert", false}};
    auto const message = message_for(small_tokenizer(Document({{"pre_tokenizer", split}}).dump()));
    EXPECT_NE(message.find("at most 65536 are taken"), std::string::npos) << message;
}

TEST(HostileTokenizer, LongAddedTokensAreRefusedAndManyAreQuick) {
    Document const one = {{"id", 2},
                          {"content", std::string(2000, 'a')},
                          {"lstrip", false},
                          {"rstrip", false},
                          {"single_word", false},
                          {"normalized", false},
                          {"special", true}};
    auto const message = message_for(small_tokenizer(Document({{"added_tokens", {one}}}).dump()));
    EXPECT_NE(message.find("more than 1024 bytes"), std::string::npos) << message;

    Document many = Document::array();
    for (int i = 0; i < 50'000; ++i) {
        many.push_back(one);
        many.back()["id"] = i + 2;
        many.back()["content"] = fmt::format("<{}>", i);
    }
    EXPECT_EQ(
        message_for(small_tokenizer(Document({{"added_tokens", many}}).dump()), std::string(100'000, '<')),
        "");
}

TEST(HostileTokenizer, MessagesHoldNothingThatATerminalObeys) {
    for (auto const* parts :
         {R"({"normalizer": {"type": "\u001b[2J"}})", R"({"pre_tokenizer": {"type": "\u0007"}})",
          R"({"pre_tokenizer": {"type": "Punctuation", "behavior": "\u001b[2J"}})"}) {
        auto const message = message_for(small_tokenizer(parts));
        EXPECT_NE(message, "") << parts;
        for (char const c : message) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << message;
    }
}

TEST(HostileTokenizer, WhatIsNoFileIsRefused) {
    Scratch const scratch;
    std::filesystem::create_symlink("/dev/zero", scratch.path() / "tokenizer.json");
    EXPECT_THROW(Tokenizer::from_file(scratch.path() / "tokenizer.json"), Error);
    EXPECT_THROW(Tokenizer::from_file(scratch.path()), Error);
}

}  // namespace
}  // namespace moewire
