#include "base/file.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

std::string message_of(auto&& action) {
    try {
        action();
    } catch (Error const& error) {
        return error.what();
    }
    return "";
}

TEST(File, WriteReplacesWholeAndLeavesNoPart) {
    Scratch const scratch;
    auto const path = scratch.path() / "a.txt";
    write_file(path, "old");
    write_file(path, "new content");
    EXPECT_EQ(read_file(path), "new content");
    EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator{}), 1);
}

TEST(File, FailedWriteKeepsTheOldContent) {
    Scratch const scratch;
    auto const path = scratch.path() / "a.txt";
    write_file(path, "old");
    {
        FileSizeLimit const limit(1000);
        EXPECT_THROW(write_file(path, std::string(10000, 'x')), Error);
    }
    EXPECT_EQ(read_file(path), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator{}), 1);
}

TEST(File, UnwritableFolderIsNamedWithAnAlternative) {
    auto const message = message_of([] { ensure_writable_folder("/proc/moewire"); });
    EXPECT_NE(message.find("/proc/moewire"), std::string::npos);
    EXPECT_NE(message.find("choose another"), std::string::npos);
}

TEST(File, FileInPlaceOfAFolderIsRefused) {
    Scratch const scratch;
    write_file(scratch.path() / "file", "x");
    EXPECT_THROW(ensure_writable_folder(scratch.path() / "file"), Error);
}

TEST(Json, RepeatedKeysAreRefusedByName) {
    auto const message = message_of([] { parse_json(R"({"a": {"b": 1, "b": 2}})", "config"); });
    EXPECT_NE(message.find("key \"b\" appears twice"), std::string::npos) << message;
    EXPECT_NO_THROW(parse_json(R"({"a": {"b": 1}, "c": {"b": 2}})", "config"));
}

TEST(Json, ZeroBytesAndHugeTokensAreRefusedShortly) {
    EXPECT_NE(message_of([] { parse_json(std::string("{}\0{", 4), "cut"); }).find("zero byte at 2"),
              std::string::npos);
    EXPECT_LT(message_of([] { parse_json("\"" + std::string(1 << 20, 'x'), "long"); }).size(), 300u);
    EXPECT_LT(in_quotes(std::string(1 << 20, 'x')).size(), 300u);
}

TEST(Json, ManyKeysAreReadInLinearTime) {
    std::string text = "{";
    for (int i = 0; i < 200000; ++i) text += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
    EXPECT_EQ(parse_json(text + "}", "wide").size(), 200000u);  // an ordered document would take minutes
}

TEST(Json, DeepNestingIsRefused) {
    EXPECT_THROW(parse_json(std::string(100000, '[') + std::string(100000, ']'), "bomb"), Error);
}

}  // namespace
}  // namespace moewire
