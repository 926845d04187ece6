// Files that are not as the format has them: each is refused with the reason, and none crashes or hangs.
#include <gtest/gtest.h>

#include "checkpoint/files.hpp"
#include "checkpoint/safetensors_header.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

struct Bad {
    std::string header;
    std::string_view data;
    std::string_view reason;  // a part of the message
};

std::string tensor(std::string_view name, std::string_view fields) {
    return "\"" + std::string(name) + "\":{" + std::string(fields) + "}";
}

std::string one(std::string_view fields) {
    return "{" + tensor("a.b", fields) + "}";
}

std::string refusal_of(std::string const& content) {
    Scratch const scratch;
    auto const path = scratch.path() / "bad.safetensors";
    write_file(path, content);
    try {
        SafetensorsFile const file(path);
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
        EXPECT_LT(std::string(error.what()).size(), 700U);
        return error.what();
    }
    return "";
}

std::vector<Bad> const bad_fields{
    {one(R"("dtype":"F33","shape":[1],"data_offsets":[0,4])"), "1234",
     R"(dtype "F33" (the format knows no such)"},
    {one(R"("dtype":"f32","shape":[1],"data_offsets":[0,4])"), "1234", R"(dtype "f32")"},
    {one(R"("dtype":5,"shape":[1],"data_offsets":[0,4])"), "1234", "the number 5 as its dtype"},
    {one(R"("dtype":null,"shape":[1],"data_offsets":[0,4])"), "1234", "null as its dtype"},
    {one(R"("dtype":["F32"],"shape":[1],"data_offsets":[0,4])"), "1234", "a list as its dtype"},
    {one(R"("dtype":{},"shape":[1],"data_offsets":[0,4])"), "1234", "an object as its dtype"},
    {one(R"("dtype":true,"shape":[1],"data_offsets":[0,4])"), "1234", "a boolean as its dtype"},
    {one(R"("shape":[1],"data_offsets":[0,4])"), "1234", "no dtype"},
    {one(R"("dtype":"F32","data_offsets":[0,4])"), "1234", "no shape"},
    {one(R"("dtype":"F32","shape":[1])"), "1234", "no data_offsets"},
    {one(""), "", "no dtype"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)"), "1234", R"(a field "x")"},
    {one(R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])"), "1234", "two fields dtype"},
    {one(R"("dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4])"), "1234", "two fields shape"},
    {one(R"("dtype":"F32","shape":1,"data_offsets":[0,4])"), "1234", "the number 1 as its shape"},
    {one(R"("dtype":"F32","shape":"1","data_offsets":[0,4])"), "1234", "a string as its shape"},
    {one(R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])"), "1234", "a string in its shape"},
    {one(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), "1234", R"("1.0" in its shape)"},
    {one(R"("dtype":"F32","shape":[1e0],"data_offsets":[0,4])"), "1234", R"("1e0" in its shape)"},
    {one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), "1234", "a negative number in its shape"},
    {one(R"("dtype":"F32","shape":[-0],"data_offsets":[0,0])"), "", "a negative number in its shape"},
    {one(R"("dtype":"F32","shape":[null],"data_offsets":[0,4])"), "1234", "null in its shape"},
    {one(R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])"), "1234", "a list in its shape"},
    {one(R"("dtype":"F32","shape":[{}],"data_offsets":[0,4])"), "1234", "an object in its shape"},
    {one(R"("dtype":"F32","shape":[true],"data_offsets":[0,4])"), "1234", "a boolean in its shape"},
    {one(R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1])"), "1", "more than 8 dimensions"},
    {one(R"("dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1])"), "1",
     "9007199254740993 (more than 2^53"},
    {one(R"("dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1])"), "1", "in its shape"},
    {one(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])"), "", "more than 64 bits"},
    {one(R"("dtype":"U64","shape":[4294967296,1073741824],"data_offsets":[0,0])"), "", "more than 64 bits"},
    {one(R"("dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0])"), "", "more than 64 bits"},
    {one(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])"), "12", "no whole number of bytes"},
    {one(R"("dtype":"F6_E2M3","shape":[3],"data_offsets":[0,3])"), "123", "no whole number of bytes"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":4)"), "1234", "the number 4 as its data_offsets"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[4])"), "1234", "1 data_offsets"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[])"), "1234", "0 data_offsets"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,4])"), "1234", "more than 2 data_offsets"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4.0])"), "1234", R"("4.0" in its data_offsets)"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])"), "1234",
     "a negative number in its data_offsets"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":["0","4"])"), "1234", "a string in its data_offsets"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":{"a":0})"), "1234", "an object as its data_offsets"},
};

std::vector<Bad> const bad_layouts{
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), "1234", "ends at 0 but begins at 4"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])"), "12345678", "4 bytes, but data_offsets of 8"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[1,5])"), "12345", "a hole"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), "12345", "bytes that belong to no tensor"},
    {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), "123", "the file is cut short"},
    {one(R"("dtype":"U8","shape":[9007199254740992],"data_offsets":[0,9007199254740992])"), "1", "cut short"},
    {one(R"("dtype":"U8","shape":[0],"data_offsets":[18446744073709551615,18446744073709551615])"), "",
     "a hole"},
    {one(R"("dtype":"U8","shape":[],"data_offsets":[0,18446744073709551615])"), "1", "contradict"},
    {"{" + tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[0,2])") + "," +
         tensor("b", R"("dtype":"U8","shape":[2],"data_offsets":[1,3])") + "}",
     "123", R"(tensor "b" begins at 1, the one before it, "a", ends at 2 (an overlap))"},
    {"{" + tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[0,2])") + "," +
         tensor("b", R"("dtype":"U8","shape":[2],"data_offsets":[0,2])") + "}",
     "12", "an overlap"},
    {"{" + tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[0,2])") + "," +
         tensor("b", R"("dtype":"U8","shape":[2],"data_offsets":[3,5])") + "}",
     "12345", R"(tensor "b" begins at 3, the one before it, "a", ends at 2 (a hole))"},
    {"{}", "1", "bytes that belong to no tensor"},
};

std::string const good_fields = R"("dtype":"U8","shape":[1],"data_offsets":[0,1])";

std::vector<Bad> const bad_headers{
    {"", "", "does not begin with '{'"},
    {"[]", "", "does not begin with '{'"},
    {" {}", "", "does not begin with '{'"},
    {"\xEF\xBB\xBF{}", "", "does not begin with '{'"},
    {"{", "", "not JSON (byte"},
    {"{}}", "", "not JSON (byte"},
    {"{} x", "", "not JSON (byte"},
    {"{}{}", "", "not JSON (byte"},
    {std::string("{}\0", 3), "", "a zero byte"},
    {"{" + tensor("a", good_fields) + ",}", "1", "not JSON (byte"},
    {"{/**/" + tensor("a", good_fields) + "}", "1", "not JSON (byte"},
    {"{" + tensor("\xff", good_fields) + "}", "1", "not JSON (byte"},
    {"{" + tensor("\xc0\xaf", good_fields) + "}", "1", "not JSON (byte"},
    {"{" + tensor("\xed\xa0\x80", good_fields) + "}", "1", "not JSON (byte"},
    {"{" + tensor("\\ud800", good_fields) + "}", "1", "not JSON (byte"},
    {"{" + tensor("a\nb", good_fields) + "}", "1", "not JSON (byte"},
    {"{a:1}", "", "not JSON (byte"},
    {"{" + tensor("", good_fields) + "}", "1", "a tensor has no name"},
    {"{" + tensor(std::string(1025, 'n'), good_fields) + "}", "1", "a name of 1025 bytes"},
    {"{" + tensor("a", good_fields) + "," + tensor("a", good_fields) + "}", "1", R"(key "a" appears twice)"},
    {"{" + tensor("a", good_fields) + "," + tensor("\\u0061", good_fields) + "}", "1",
     R"(key "a" appears twice)"},
    {R"({"a":1})", "", R"(the entry of "a" is the number 1)"},
    {R"({"a":[]})", "", R"(the entry of "a" is a list)"},
    {R"({"a":null})", "", R"(the entry of "a" is null)"},
    {R"({"a":"x"})", "", R"(the entry of "a" is a string)"},
    {R"({"__metadata__":{"k":1}})", "", R"(metadata "k" is the number 1)"},
    {R"({"__metadata__":{"k":{}}})", "", R"(metadata "k" is an object)"},
    {R"({"__metadata__":{"k":[]}})", "", R"(metadata "k" is a list)"},
    {R"({"__metadata__":{"k":null}})", "", R"(metadata "k" is null)"},
    {R"({"__metadata__":{"k":"1","k":"2"}})", "", R"(metadata "k" appears twice)"},
    {R"({"__metadata__":[]})", "", R"(the entry of "__metadata__" is a list)"},
    {R"({"__metadata__":{},"__metadata__":{}})", "", R"(key "__metadata__" appears twice)"},
    {R"({"a":)" + std::string(100'000, '['), "", R"(the entry of "a" is a list)"},
    {R"({"a":{"shape":)" + std::string(100'000, '['), "", "a list in its shape"},
    {"{\"" + std::string(1'000'000, 'x'), "", "not JSON (byte"},
};

class Refuses : public testing::TestWithParam<std::vector<Bad> const*> {};

TEST_P(Refuses, WithTheReason) {
    for (auto const& bad : *GetParam()) {
        auto const message = refusal_of(safetensors_text(bad.header, bad.data));
        EXPECT_NE(message.find(bad.reason), std::string::npos)
            << "header " << bad.header.substr(0, 200) << "\ngave '" << message << "'\ninstead of "
            << bad.reason;
        bool const about_the_file = bad.reason == "bytes that belong to no tensor";
        if (bad.header.find("\"a.b\"") != std::string::npos && !about_the_file) {
            EXPECT_NE(message.find("\"a.b\""), std::string::npos) << "the tensor is not named: " << message;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Malformed, Refuses, testing::Values(&bad_fields, &bad_layouts, &bad_headers));

// The same files without the fault are taken: what is refused above is refused for its fault alone.
TEST(SafetensorsRefuse, TheBlamelessFileIsTaken) {
    EXPECT_EQ(refusal_of(safetensors_text(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), "1234")),
              "");
    EXPECT_EQ(refusal_of(safetensors_text("{" + tensor("a", good_fields) + "}", "1")), "");
    EXPECT_EQ(refusal_of(safetensors_text("{" + tensor(std::string(1024, 'n'), good_fields) + "}", "1")), "");
    EXPECT_EQ(refusal_of(safetensors_text(R"({"__metadata__":{"k":"1"}})", "")), "");
    EXPECT_EQ(refusal_of(safetensors_text("{} \n\t\r", "")), "");
    EXPECT_EQ(refusal_of(safetensors_text(
                  one(R"("dtype":"U8","shape":[0,9007199254740992],"data_offsets":[0,0])"), "")),
              "");
}

TEST(SafetensorsRefuse, LengthsThatLie) {
    std::string const good = safetensors_text("{" + tensor("a", good_fields) + "}", "1");
    for (std::size_t bytes = 0; bytes < 8; ++bytes) {
        auto const message = refusal_of(good.substr(0, bytes));
        EXPECT_NE(message.find("the header's length alone takes 8"), std::string::npos) << message;
    }
    auto const with_length = [&](std::uint64_t length) {
        return std::string(reinterpret_cast<char const*>(&length), 8) + good.substr(8);
    };
    EXPECT_EQ(refusal_of(with_length(good.size() - 9)), "");
    EXPECT_NE(refusal_of(with_length(good.size() - 7)).find("the file is cut short"), std::string::npos);
    EXPECT_NE(refusal_of(with_length(100'000'000)).find("the file is cut short"), std::string::npos);
    EXPECT_NE(refusal_of(with_length(100'000'001)).find("at most 100000000"), std::string::npos);
    EXPECT_NE(refusal_of(with_length(~std::uint64_t{0})).find("at most 100000000"), std::string::npos);
    EXPECT_NE(refusal_of(with_length(~std::uint64_t{0} - 7)).find("at most 100000000"), std::string::npos);
}

TEST(SafetensorsRefuse, MoreThanAMillionTensors) {
    std::string header = "{";
    for (int i = 0; i <= 1'000'000; ++i) {
        header += (i > 0 ? ",\"" : "\"") + std::to_string(i) +
                  R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    }
    EXPECT_NE(refusal_of(safetensors_text(header + "}", "")).find("more than 1000000 tensors"),
              std::string::npos);
}

TEST(SafetensorsRefuse, NamesInMessagesAreSafeToPrint) {
    auto const message = refusal_of(
        safetensors_text("{" + tensor(R"(\u001b[31m\n\u202e)" + std::string(500, 'n'), "") + "}", ""));
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_EQ(message.find("\u202e"), std::string::npos);
    EXPECT_NE(message.find("..."), std::string::npos);
}

}  // namespace
}  // namespace moewire
