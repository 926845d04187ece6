#include "checkpoint/safetensors.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "checkpoint/files.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

std::string hex_of(std::string const& bytes) {
    std::string text;
    for (char const c : bytes) {
        constexpr char const* digits = "0123456789abcdef";
        text += digits[static_cast<unsigned char>(c) / 16];
        text += digits[static_cast<unsigned char>(c) % 16];
    }
    return text;
}

class Reference : public testing::TestWithParam<char const*> {};

// Everything that the Python package found in the file, down to the last byte.
TEST_P(Reference, ReadsAlike) {
    Document const record = read_json(fixture("safetensors.json")).at("files").at(GetParam());
    SafetensorsFile const file(fixture(GetParam()));
    auto const metadata = record.at("metadata").get<std::map<std::string, std::string>>();
    EXPECT_EQ(file.metadata(), metadata);
    ASSERT_EQ(file.tensors().size(), record.at("tensors").size());
    std::uint64_t reached = 0;
    for (auto const& tensor : file.tensors()) {
        Document const& expected = record.at("tensors").at(tensor.name);
        EXPECT_EQ(name_of(tensor.dtype), expected.at("dtype").get<std::string>()) << tensor.name;
        EXPECT_EQ(tensor.shape, expected.at("shape").get<std::vector<std::int64_t>>()) << tensor.name;
        EXPECT_EQ(tensor.begin_bytes, expected.at("begin").get<std::uint64_t>()) << tensor.name;
        EXPECT_EQ(tensor.end_bytes, expected.at("end").get<std::uint64_t>()) << tensor.name;
        EXPECT_EQ(hex_of(content_of(file, tensor)), expected.at("hex").get<std::string>()) << tensor.name;
        EXPECT_GE(tensor.begin_bytes, reached) << tensor.name << " is not in the order of positions";
        reached = tensor.end_bytes;
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Reference,
                         testing::Values("types.safetensors", "edges.safetensors", "nothing.safetensors",
                                         "foreign.safetensors"));

TensorInfo const& named(SafetensorsFile const& file, std::string_view name) {
    for (auto const& tensor : file.tensors()) {
        if (tensor.name == name) return tensor;
    }
    throw std::runtime_error("no such tensor");
}

TEST(Safetensors, CountsElements) {
    SafetensorsFile const file(fixture("edges.safetensors"));
    EXPECT_EQ(named(file, "scalar").elements(), 1);
    EXPECT_EQ(named(file, "empty").elements(), 0);
    EXPECT_EQ(named(file, "empty.cube").elements(), 0);
    EXPECT_EQ(named(file, "rank8").elements(), 6);
    EXPECT_EQ(named(file, "rank8").bytes(), 12U);
}

TEST(Safetensors, ReadsAnyPartOfATensorAndNoMore) {
    SafetensorsFile const file(fixture("types.safetensors"));
    auto const& tensor = file.tensors().front();
    std::string const whole = pattern(tensor.name, tensor.bytes());
    for (std::uint64_t first = 0; first <= tensor.bytes(); ++first) {
        for (std::uint64_t bytes = 0; first + bytes <= tensor.bytes(); ++bytes) {
            std::string part(bytes + 2, '#');
            file.read(tensor, first, std::as_writable_bytes(std::span(part).subspan(1, bytes)));
            EXPECT_EQ(part, "#" + whole.substr(first, bytes) + "#");
        }
    }
}

TEST(Safetensors, RangesThatLeaveTheTensorAreRefused) {
    SafetensorsFile const file(fixture("types.safetensors"));
    auto const& tensor = file.tensors().front();
    std::string out(4, '\0');
    auto const read = [&](std::uint64_t first) {
        return message_of([&] { file.read(tensor, first, std::as_writable_bytes(std::span(out))); });
    };
    EXPECT_EQ(read(tensor.bytes() - 4), "");
    EXPECT_NE(read(tensor.bytes() - 3).find(tensor.name), std::string::npos);
    EXPECT_NE(read(tensor.bytes() + 1), "");
    EXPECT_NE(read(~std::uint64_t{0} - 1), "");
}

TEST(Safetensors, FileThatShrinksIsNoticed) {
    Scratch const scratch;
    auto const path = scratch.path() / "model.safetensors";
    fs::copy_file(fixture("types.safetensors"), path);
    SafetensorsFile const file(path);
    auto const& last = file.tensors().back();
    fs::resize_file(path, last.end_bytes - 1);
    EXPECT_EQ(content_of(file, file.tensors().front()).size(), file.tensors().front().bytes());
    auto const message = message_of([&] { content_of(file, last); });
    EXPECT_NE(message.find("something shortened it"), std::string::npos) << message;
    EXPECT_NE(message.find(path.string()), std::string::npos) << message;
}

TEST(Safetensors, WhatIsNoRegularFileIsRefusedAtOnce) {
    Scratch const scratch;
    auto const pipe = scratch.path() / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    auto const open = [](fs::path const& path) {
        return message_of([&] { SafetensorsFile const file(path); });
    };
    EXPECT_NE(open(scratch.path()).find("it is a folder"), std::string::npos);
    EXPECT_NE(open(pipe).find("no regular file"), std::string::npos);
    EXPECT_NE(open("/dev/zero").find("no regular file"), std::string::npos);
    EXPECT_NE(open(scratch.path() / "absent").find("No such file"), std::string::npos);
}

TEST(Safetensors, MovedFilesStillRead) {
    SafetensorsFile first(fixture("types.safetensors"));
    SafetensorsFile second(fixture("edges.safetensors"));
    second = std::move(first);
    SafetensorsFile const third(std::move(second));
    auto const& tensor = third.tensors().front();
    EXPECT_EQ(content_of(third, tensor), pattern(tensor.name, tensor.bytes()));
}

}  // namespace
}  // namespace moewire
