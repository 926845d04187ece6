#include "traffic/matrix_file.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

using Values = std::vector<std::uint64_t>;

std::string refusal(std::string_view text, double scale = 1) {
    try {
        parse_matrix(text, "m.txt", scale);
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_EQ(std::string(error.what()).rfind("m.txt ", 0), 0u) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "accepted: " << text;
    return "";
}

TEST(MatrixFile, TheExampleOfNcclTestsIsRoundedDownTo16) {
    auto const matrix = parse_matrix("100  200  150\n50   100  75\n300  150  200\n", "m.txt");
    EXPECT_EQ(matrix.shape(), (std::array<std::size_t, 2>{3, 3}));
    EXPECT_EQ(matrix.values(), (Values{96, 192, 144, 48, 96, 64, 288, 144, 192}));
    EXPECT_EQ(matrix(2, 0), 288u);  // from rank 2 to rank 0
}

TEST(MatrixFile, WhatStrtodTakesIsANumber) {
    auto const matrix = parse_matrix("\n\n 1e3\t0x20 \r\n\n+48.9 -0\v\n\n", "m.txt");
    EXPECT_EQ(matrix.values(), (Values{992, 32, 48, 0}));
    EXPECT_EQ(parse_matrix("64", "m.txt").values(), Values{64});  // no end of line
}

TEST(MatrixFile, ScaleComesBeforeRounding) {
    EXPECT_EQ(parse_matrix("10", "m.txt", 3.3).values(), Values{32});
    EXPECT_EQ(parse_matrix("100", "m.txt", 0.1).values(), Values{0});
    for (double const scale : {0.0, -1.0, 1e300 * 1e10}) refusal("1", scale);
}

TEST(MatrixFile, WhatIsNoSquareOfNumbersIsRefused) {
    for (auto const& [text, fragment] : std::vector<std::pair<std::string, std::string>>{
             {"", "holds no number"},
             {" \n\t\n", "holds no number"},
             {"1 2\n3\n", "has 1 values in row 1 and 2 in row 0"},
             {"1 2\n3 4\n5 6\n", "more than 2 rows"},
             {"1 2 3\n4 5 6\n", "has 2 rows of 3 values"},
             {"# bytes\n1\n", "holds \"#\" in row 0, column 0"},
             {"1 x\n2 3\n", "holds \"x\" in row 0, column 1"},
             {"1,2\n3,4\n", "\"1,2\""},
             {"1 2\n-16 4\n", "holds \"-16\" in row 1, column 0 (nobody"},
             {"nan", "numbers alone"},
             {"1e-400", "numbers alone"},
             {"inf", "1 PiB"},
             {"1e999", "1 PiB"},
             {"18446744073709551616", "1 PiB"},
             {std::string("1\0 2\n3 4", 8), "numbers alone"},
             {"\x1b[31m", "\\u001b[31m"}}) {
        EXPECT_NE(refusal(text).find(fragment), std::string::npos) << refusal(text);
    }
    EXPECT_NE(refusal("1", 1e300).find("scale less"), std::string::npos);
}

TEST(MatrixFile, AbsurdSizesEndEarly) {
    std::string row;
    for (std::size_t i = 0; i <= most_matrix_ranks; ++i) row += "1 ";
    EXPECT_NE(refusal(row).find("more than 4096 values"), std::string::npos);
}

TEST(MatrixFile, WrittenMatricesAreReadAgain) {
    Scratch const scratch;
    ByteMatrix const matrix({2, 2}, {0, 16, std::uint64_t{1} << 40, 4096});
    write_matrix(scratch.path() / "m.txt", matrix);
    EXPECT_EQ(read_file(scratch.path() / "m.txt"), "0 16\n1099511627776 4096\n");
    EXPECT_EQ(read_matrix(scratch.path() / "m.txt"), matrix);
    EXPECT_THROW(read_matrix(scratch.path() / "none.txt"), Error);
}

TEST(MatrixFile, TheBusiestRankCountsWhatStaysAtHome) {
    EXPECT_EQ(busiest_rank_bytes(ByteMatrix({2, 2}, {10, 20, 5, 1})), 30u);   // rank 0 sends
    EXPECT_EQ(busiest_rank_bytes(ByteMatrix({2, 2}, {10, 20, 5, 30})), 50u);  // rank 1 receives
    EXPECT_EQ(busiest_rank_bytes(ByteMatrix({1, 1}, {7})), 7u);
}

}  // namespace
}  // namespace moewire
