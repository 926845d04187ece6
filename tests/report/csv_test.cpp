#include "report/csv.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace moewire {
namespace {

TEST(Csv, CellsComeBackAsTheyWere) {
    for (std::string const text : {"plain", "a,b", "say \"no\"", "two\nlines", "", "<script>"}) {
        auto const rows = parse_csv(csv_text(text) + ",end\n", "t.csv");
        if (text.empty()) continue;  // a row of an empty first cell is still a row
        ASSERT_EQ(rows.size(), 1u) << text;
        EXPECT_EQ(rows[0][0], text);
        EXPECT_EQ(rows[0][1], "end");
    }
}

TEST(Csv, NoNameIsAFormula) {
    for (std::string const text : {"=1+1", "+1", "-1", "@x"}) EXPECT_EQ(csv_text(text), "'" + text);
}

TEST(Csv, NumbersKeepTheirDigitsAndNothingInfiniteIsWritten) {
    EXPECT_EQ(csv_number(0.1 + 0.2), "0.3");
    EXPECT_EQ(csv_number(1.23456789e-7), "1.23456789e-07");
    EXPECT_EQ(csv_number(1.0 / 0.0), "");
}

TEST(Csv, CommentsAndEmptyLinesAreNoRows) {
    EXPECT_EQ(parse_csv("# x,y\n\na,b\r\n", "t.csv"), (std::vector<std::vector<std::string>>{{"a", "b"}}));
}

TEST(Csv, AnOpenQuoteIsRefused) {
    EXPECT_THROW(parse_csv("a,\"b\n", "t.csv"), Error);
}

}  // namespace
}  // namespace moewire
