#include "text/corpus.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

// A cache, a hub cache and a folder for the user's own texts.
class Corpus : public testing::Test {
  protected:
    Corpus()
        : places_{scratch_.path() / ".cache", scratch_.path() / "hub",
                  scratch_.path() / "scripts/fetch_text.py"},
          own_(scratch_.path() / "own") {
        fs::create_directories(own_);
    }

    static void put(fs::path const& path, std::string_view content) {
        fs::create_directories(path.parent_path());
        write_file(path, content);
    }
    fs::path snapshot(std::string const& revision = "1a2b") const {
        return places_.hub_cache / "datasets--Salesforce--wikitext" / "snapshots" / revision;
    }
    Text load(fs::path const& dataset, Split split) const {
        return load_text(dataset.string(), split, places_);
    }
    std::string content(fs::path const& dataset, Split split) const { return load(dataset, split).content; }
    std::string refusal(std::string_view dataset, Split split = Split::test) const {
        try {
            load_text(dataset, split, places_);
        } catch (Error const& error) {
            EXPECT_EQ(error.exit_code(), 2);
            return error.what();
        }
        return "";
    }

    Scratch scratch_;
    TextPlaces places_;
    fs::path own_;
};

testing::AssertionResult says(std::string const& message, std::vector<std::string> const& parts) {
    for (auto const& part : parts) {
        if (message.find(part) != std::string::npos) continue;
        return testing::AssertionFailure() << "'" << message << "' lacks '" << part << "'";
    }
    return testing::AssertionSuccess();
}

TEST_F(Corpus, DomainsAreReadFromTheCache) {
    put(places_.cache / "text/drama/train.txt", "one\n");
    put(places_.cache / "text/drama/valid.txt", "two\n");
    put(places_.cache / "text/drama/test.txt", "three\n");
    EXPECT_EQ(content("drama", Split::train), "one\n");
    EXPECT_EQ(content("drama", Split::valid), "two\n");
    auto const text = load("drama", Split::test);
    EXPECT_EQ(text.content, "three\n");
    EXPECT_EQ(text.dataset, "drama");
    EXPECT_EQ(text.split, "test");
    EXPECT_EQ(text.files, std::vector{places_.cache / "text/drama/test.txt"});
}

TEST_F(Corpus, AbsentDomainsGiveTheCommandThatFetchesThem) {
    for (auto const& domain : known_domains()) {
        auto const command = places_.fetch_script.string() + " " + domain;
        auto const message = refusal(domain);
        EXPECT_TRUE(says(message, {command, "text/" + domain + "/test.txt is not there"}));
        EXPECT_EQ(message.find("--output"), std::string::npos) << message;
    }
    EXPECT_TRUE(says(refusal("wikitext", Split::valid), {"wiki.valid.raw", places_.hub_cache.string()}));
    places_.cache = scratch_.path() / "elsewhere";
    EXPECT_TRUE(says(refusal("manual"), {"manual --output " + (places_.cache / "text").string()}));
    places_ = {};
    EXPECT_TRUE(says(refusal("manual"), {"scripts/fetch_text.py manual"}));
    EXPECT_TRUE(says(refusal("wikitext"), {"scripts/fetch_text.py wikitext"}));
}

TEST_F(Corpus, DomainNamesWinOverFilesOfThatName) {
    auto const old = fs::current_path();
    fs::current_path(own_);
    write_file("drama", "a\nb\n");
    auto const message = refusal("drama");
    auto const by_path = content("./drama", Split::test);
    fs::current_path(old);
    EXPECT_TRUE(says(message, {"has not been fetched"}));
    EXPECT_EQ(by_path, "b\n");
}

TEST_F(Corpus, UnknownNamesListTheDomains) {
    EXPECT_EQ(known_domains(), (std::vector<std::string>{"drama", "scripture", "manual", "wikitext"}));
    for (std::string const& name :
         {std::string("opera"), std::string(""), std::string("/no/such/file"), std::string("drama/"),
          std::string("drama\0", 6), std::string(5000, 'n')}) {
        EXPECT_TRUE(
            says(refusal(name), {"no text \"", "drama, scripture, manual, wikitext", "file or a folder"}));
    }
}

// Lines of a data set's file, and its rows joined by two line ends: blank lines are empty rows.
TEST_F(Corpus, WikitextInTheHubCacheReadsAsPublishedPerplexitiesDo) {
    put(snapshot() / "wikitext-2-raw/wiki.test.raw", " \n = Title = \n \n First line . \n Second . \n \n");
    auto const text = load("wikitext", Split::test);
    EXPECT_EQ(text.content, "\n\n = Title = \n\n\n\n\n First line . \n\n\n Second . \n\n\n");
    EXPECT_EQ(text.files, std::vector{snapshot() / "wikitext-2-raw/wiki.test.raw"});
    EXPECT_TRUE(says(refusal("wikitext", Split::train), {"wiki.train.raw"}));
}

TEST_F(Corpus, WikitextPrefersItsOwnCacheThenRawThenTheSmallOne) {
    put(snapshot() / "wikitext-103-raw/wiki.test.raw", "large\n");
    EXPECT_EQ(content("wikitext", Split::test), "large\n");
    put(snapshot() / "wikitext-2/wiki.test.tokens", "tokens\n");
    EXPECT_EQ(content("wikitext", Split::test), "large\n");
    put(snapshot("0fff") / "wikitext-2-raw/wiki.test.raw", "small\n");
    EXPECT_EQ(content("wikitext", Split::test), "small\n");
    put(places_.cache / "text/wikitext/test.txt", "fetched\n");
    EXPECT_EQ(content("wikitext", Split::test), "fetched\n");
}

TEST_F(Corpus, WikitextMayBeALinkIntoTheBlobsAndParquetIsNotEnough) {
    put(places_.hub_cache / "datasets--a--b/snapshots/1/wiki.test.raw", "other data set\n");
    put(snapshot() / "wikitext-2-raw-v1/test-00000-of-00001.parquet", "PAR1");
    EXPECT_TRUE(says(refusal("wikitext"), {"fetch_text.py wikitext"}));
    put(places_.hub_cache / "datasets--Salesforce--wikitext/blobs/77", "linked\n");
    fs::create_symlink("../../blobs/77", snapshot() / "wiki.test.raw");
    EXPECT_EQ(content("wikitext", Split::test), "linked\n");
    fs::remove(places_.hub_cache / "datasets--Salesforce--wikitext/blobs/77");
    EXPECT_TRUE(says(refusal("wikitext"), {"fetch_text.py wikitext"}));
}

TEST_F(Corpus, FileIsHalvedAtTheLineEndNearestToItsMiddle) {
    put(own_ / "a", "1\n22\n333333\n4\n");  // 14 bytes; line ends behind 2, 5, 12 and 14
    EXPECT_EQ(content(own_ / "a", Split::train), "1\n22\n");
    EXPECT_EQ(content(own_ / "a", Split::valid), "1\n22\n");
    auto const test = load(own_ / "a", Split::test);
    EXPECT_EQ(test.content, "333333\n4\n");
    EXPECT_EQ(test.split, "second half");
    EXPECT_EQ(load(own_ / "a", Split::train).split, "first half");
    put(own_ / "b", "1\n2222222222222222222");
    EXPECT_EQ(content(own_ / "b", Split::train), "1\n");
    put(own_ / "c", "1111111111111111111\n2");
    EXPECT_EQ(content(own_ / "c", Split::test), "2");
}

// Whatever the text: the halves are its two parts, and nothing is in both.
TEST_F(Corpus, HalvesNeverOverlap) {
    std::string text;
    for (int line = 0; line < 40; ++line) {
        text += std::string(static_cast<std::size_t>(line * 7 % 11), 'x') + "y\n";
        if (line == 0) continue;
        put(own_ / "a", text);
        auto const train = content(own_ / "a", Split::train), test = content(own_ / "a", Split::test);
        EXPECT_EQ(train + test, text);
        EXPECT_TRUE(train.ends_with('\n'));
        EXPECT_FALSE(test.empty());
    }
}

TEST_F(Corpus, TextsThatCannotBeHalvedAreRefused) {
    put(own_ / "line", "one line only\n");
    EXPECT_TRUE(says(refusal((own_ / "line").string()), {"single line", "train.txt"}));
    put(own_ / "word", "x");
    EXPECT_TRUE(says(refusal((own_ / "word").string()), {"single line"}));
    put(own_ / "late", "word\n\n \n\n\n\n");
    EXPECT_TRUE(says(refusal((own_ / "late").string()), {"the second half of", "is empty"}));
}

TEST_F(Corpus, FolderWithSplitsHonoursThem) {
    put(own_ / "train.txt", "a\nb\n");
    put(own_ / "wiki.test.raw", "c\n");
    put(own_ / "notes.txt", "not read\n");
    EXPECT_EQ(content(own_, Split::train), "a\nb\n");
    EXPECT_EQ(content(own_, Split::test), "c\n");
    EXPECT_EQ(load(own_, Split::test).split, "test");
    EXPECT_TRUE(
        says(refusal(own_.string(), Split::valid), {"no valid text", "it has: train, test", "valid.txt"}));
}

TEST_F(Corpus, FolderWithoutSplitsIsJoinedInNameOrder) {
    put(own_ / "b.txt", "3\n4\n");
    put(own_ / "a.txt", "1\n2");
    put(own_ / "c.txt", "");
    put(own_ / ".hidden.txt", "no\n");
    put(own_ / "a.md", "no\n");
    put(own_ / "deeper/a.txt", "no\n");
    auto const text = load(own_, Split::test);
    EXPECT_EQ(text.content, "3\n4\n");
    EXPECT_EQ(content(own_, Split::train), "1\n2\n");
    EXPECT_EQ(text.files, (std::vector{own_ / "a.txt", own_ / "b.txt", own_ / "c.txt"}));
}

TEST_F(Corpus, FolderWithoutTextIsRefused) {
    EXPECT_TRUE(says(refusal(own_.string()), {own_.string(), "holds no text"}));
    put(own_ / "a.txt", " \n\n");
    EXPECT_TRUE(says(refusal(own_.string()), {"is empty"}));
}

TEST_F(Corpus, BadFilesAreRefusedByNameAndPosition) {
    struct Bad {
        std::string content, problem;
    };
    for (auto const& [bad, problem] :
         std::vector<Bad>{{"", "is empty"},
                          {" \n\t\r\n", "is empty"},
                          {"ab\n\xC3\xA9 \xE9t\xE9\n", "not UTF-8 (byte 6 is 0xE9"},
                          {"ab\n\xC3", "byte 3 is 0xC3"},              // cut short
                          {"ab\n\xC0\xAF", "byte 3 is 0xC0"},          // overlong
                          {"ab\n\xED\xA0\x80", "byte 3 is 0xED"},      // surrogate
                          {"ab\n\xF4\x90\x80\x80", "byte 3 is 0xF4"},  // beyond U+10FFFF
                          {"ab\n\x80", "byte 3 is 0x80"},              // no start
                          {std::string("ab\n\0cd", 6), "is binary (byte 3"},
                          {std::string("\x7F"
                                       "ELF\x02\x00\xFF",
                                       7),
                           "is binary (byte 5"},
                          {std::string("\xFF\xFE"
                                       "a\0\n\0",
                                       6),
                           "UTF-16"},
                          {std::string("\xFE\xFF\0a\0\n", 6), "UTF-16"}}) {
        for (auto const* name : {"file", "drama"}) {
            put(own_ / "file", bad);
            put(places_.cache / "text/drama/test.txt", bad);
            auto const path = std::string(name) == "drama" ? "drama/test.txt" : (own_ / "file").string();
            EXPECT_TRUE(says(refusal(name == std::string("drama") ? name : path), {path, problem}));
        }
    }
}

TEST_F(Corpus, EveryLengthOfCharacterAndAByteOrderMarkAreRead) {
    std::string const line = "a \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF\n";
    put(own_ / "a", "\xEF\xBB\xBF" + line + line);
    EXPECT_EQ(content(own_ / "a", Split::train), line);
    EXPECT_EQ(content(own_ / "a", Split::test), line);
}

TEST_F(Corpus, WhatIsNoFileOrTooLargeIsRefusedUnread) {
    auto const pipe = own_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_TRUE(says(refusal(pipe.string()), {pipe.string(), "no regular file"}));
    EXPECT_TRUE(says(refusal("/dev/zero"), {"no regular file"}));
    put(own_ / "large", "a\n");
    fs::resize_file(own_ / "large", std::uintmax_t{1} << 32);  // sparse: takes no space
    EXPECT_TRUE(says(refusal((own_ / "large").string()), {"large has 4 GiB", "2 GiB"}));
    fs::create_symlink("nowhere", own_ / "broken");
    EXPECT_TRUE(says(refusal((own_ / "broken").string()), {"no such domain, file or folder"}));
}

}  // namespace
}  // namespace moewire
