#include "base/show.hpp"

#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "base/progress.hpp"

namespace moewire {
namespace {

TEST(Show, PicksTheUnit) {
    EXPECT_EQ(show_seconds(12.34e-6), "12.3 us");
    EXPECT_EQ(show_seconds(0.9999e-3), "1 ms");
    EXPECT_EQ(show_bytes(1536), "1.5 KiB");
    EXPECT_EQ(show_rate(12.5e9), "12.5 GB/s");
    EXPECT_EQ(show_count(-1234567), "-1,234,567");
    EXPECT_EQ(show_percent(0.1234), "12.3 %");
}

TEST(Show, TableLinesUp) {
    Table table({"name", "bytes"});
    table.add({"a", "12"});
    table.add({"longer", "3"});
    EXPECT_EQ(table.text(TableStyle::plain), "name    bytes\n------  -----\na          12\nlonger      3\n");
    EXPECT_EQ(table.text(TableStyle::markdown),
              "| name   | bytes |\n|--------|------:|\n| a      |    12 |\n| longer |     3 |\n");
}

TEST(Show, NamesCannotBreakATableOfMarkdown) {
    Table table({"name", "bytes"});
    table.add({"a|b\nc", "1"});
    EXPECT_EQ(table.text(TableStyle::markdown),
              "| name    | bytes |\n|---------|------:|\n| a\\|b  c |     1 |\n");
}

TEST(Progress, SaysHowFarItIs) {
    Progress progress("measure", 4, "iterations", ProgressStyle::none);
    progress.advance(3);
    EXPECT_NE(progress.text().find("3/4 iterations"), std::string::npos);
}

TEST(Digest, KnownValueAndChunkingDoesNotMatter) {
    Digest whole, parts;
    whole.update(std::string_view("moewire"));
    parts.update(std::string_view("moe"));
    parts.update(std::string_view("wire"));
    EXPECT_EQ(whole.hex(), parts.hex());
    EXPECT_EQ(Digest().hex(),
              "99aa06d3014798d86001c324468d497f");  // XXH3 128 of nothing, from its specification
}

}  // namespace
}  // namespace moewire
