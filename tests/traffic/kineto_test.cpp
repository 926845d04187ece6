#include "traffic/kineto.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

std::string event(std::string const& in, std::string const& out, int elements_in, int elements_out,
                  int ts = 1) {
    return fmt::format(
        R"({{"ph":"X","name":"record_param_comms","ts":{},"args":{{"Collective name":"all_to_allv",)"
        R"("dtype":"BFloat16","Group size":2,"In msg nelems":{},"Out msg nelems":{},)"
        R"("In split size":{},"Out split size":{}}}}})",
        ts, elements_in, elements_out, in, out);
}

std::string trace(int rank, std::string const& events) {
    return fmt::format(
        R"({{"distributedInfo":{{"rank":{},"world_size":2}},"traceEvents":[{{"ph":"M"}},{}]}})", rank,
        events);
}

std::vector<ProfiledExchange> read_both(std::string const& zero, std::string const& one) {
    Scratch const scratch;
    write_file(scratch.path() / "a.json", zero);
    write_file(scratch.path() / "b.json", one);
    return read_kineto({scratch.path() / "a.json", scratch.path() / "b.json"});
}

TEST(Kineto, GivesTheBytesOfEveryExchangeInTheOrderOfCalls) {
    // Rows of 8 elements of 2 bytes; the later event stands first. Lists come as text or as lists.
    auto const zero = trace(0, event("[]", "[]", 10, 10, 9) + "," + event("\"[1, 2]\"", "[1, 3]", 24, 32, 5));
    auto const one =
        trace(1, event("[3, 0]", "\"[2, 0]\"", 24, 16, 5) + "," + event("[]", "\"\"", 10, 10, 9));
    auto const found = read_both(one, zero);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].bytes, (ByteMatrix({2, 2}, {16, 32, 48, 0})));
    EXPECT_EQ(found[1].bytes, (ByteMatrix({2, 2}, {10, 10, 10, 10})));
}

struct Bad {
    std::string zero, one;
    char const* fragment;
};
class BadProfile : public testing::TestWithParam<Bad> {};

TEST_P(BadProfile, IsRefused) {
    try {
        read_both(GetParam().zero, GetParam().one);
        FAIL() << "accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find(GetParam().fragment), std::string::npos) << error.what();
    }
}

std::string const good = event("[1, 1]", "[1, 1]", 4, 4);
INSTANTIATE_TEST_SUITE_P(
    Traces, BadProfile,
    testing::Values(Bad{trace(0, good), trace(0, good), "is rank 0 again"},
                    Bad{trace(2, good), trace(0, good), "is rank 2 of 2"},
                    Bad{trace(0, good), "[]", "holds no object"}, Bad{trace(0, good), "{", "b.json"},
                    Bad{"{\"traceEvents\":[]}", trace(1, good), "which rank"},
                    Bad{trace(0, "{}"), trace(1, good), "no all-to-all"},
                    Bad{trace(0, good), trace(1, good + "," + good), "1 and 2 exchanges"},
                    Bad{trace(0, event("[2, 2]", "[1, 1]", 4, 4)), trace(1, event("[1, 1]", "[3, 1]", 4, 16)),
                        "sends rank 1"},
                    Bad{trace(0, event("\"[1, ...]\"", "[1, 1]", 4, 4)), trace(1, good), "cut short"},
                    Bad{trace(0, event("[1, 1, 1]", "[1, 1]", 3, 4)), trace(1, good), "3 entries for 2"},
                    Bad{trace(0, event("[1, 1]", "[1, 1]", 3, 4)), trace(1, good), "no whole number"},
                    Bad{trace(0, event("[1, -1]", "[1, 1]", 4, 4)), trace(1, good), "no count"},
                    Bad{trace(0, R"({"name":"record_param_comms","args":{"Collective name":7}})"),
                        trace(1, good), "another form"}));

}  // namespace
}  // namespace moewire
