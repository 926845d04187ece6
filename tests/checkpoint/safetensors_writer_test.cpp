#include <algorithm>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "checkpoint/files.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

struct Owned {
    std::string name;
    DType dtype;
    std::vector<std::int64_t> shape;
    std::string content;
};

std::vector<Owned> all_of(fs::path const& path) {
    SafetensorsFile const file(path);
    std::vector<Owned> tensors;
    for (auto const& tensor : file.tensors()) {
        tensors.push_back({tensor.name, tensor.dtype, tensor.shape, content_of(file, tensor)});
    }
    return tensors;
}

std::vector<TensorToWrite> views(std::vector<Owned> const& owned) {
    std::vector<TensorToWrite> views;
    for (auto const& tensor : owned) {
        views.push_back({tensor.name, tensor.dtype, tensor.shape, bytes_of(tensor.content)});
    }
    return views;
}

int files_in(fs::path const& folder) {
    return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

class SameAsReference : public testing::TestWithParam<char const*> {};

// The same tensors in another order give the reference's file, byte for byte: order, padding, escapes.
TEST_P(SameAsReference, ByteForByte) {
    Scratch const scratch;
    auto owned = all_of(fixture(GetParam()));
    auto const metadata = SafetensorsFile(fixture(GetParam())).metadata();
    Random random(1, "order");
    for (int i = 0; i < 5; ++i) {
        random.shuffle(std::span(owned));
        write_safetensors(scratch.path() / "a", views(owned), metadata);
        EXPECT_EQ(read_file(scratch.path() / "a"), read_file(fixture(GetParam())));
    }
    EXPECT_EQ(files_in(scratch.path()), 1);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SameAsReference,
                         testing::Values("types.safetensors", "edges.safetensors", "nothing.safetensors",
                                         "single/model.safetensors"));

TEST(SafetensorsWriter, WhatIsWrittenIsReadAgain) {
    Scratch const scratch;
    auto const path = scratch.path() / "a.safetensors";
    std::string const data = pattern("x", 6);
    std::map<std::string, std::string> const metadata{{"b", "\"\n\u00e9"}, {"a", ""}, {"", "empty key"}};
    std::vector<TensorToWrite> const tensors{{"x", DType::F6_E3M2, {2, 4}, bytes_of(data)},
                                             {"y", DType::F4, {3, 4}, bytes_of(data)},
                                             {std::string(1024, 'n'), DType::U8, {0}, {}}};
    write_safetensors(path, tensors, metadata);
    SafetensorsFile const file(path);
    EXPECT_EQ(file.metadata(), metadata);
    ASSERT_EQ(file.tensors().size(), 3U);
    EXPECT_EQ(file.tensors().front().begin_bytes % 8, 0U);
    for (auto const& tensor : file.tensors()) {
        EXPECT_EQ(content_of(file, tensor), data.substr(0, tensor.bytes())) << tensor.name;
    }
}

TEST(SafetensorsWriter, WhatCouldNotBeReadBackIsRefused) {
    Scratch const scratch;
    std::string const data(64, '\0');
    auto const four = bytes_of(data).first(4);
    auto const refused = [&](std::vector<TensorToWrite> const& tensors) {
        return message_of([&] { write_safetensors(scratch.path() / "a", tensors, {}); });
    };
    auto const contains = [](std::string const& text, char const* part) {
        return text.find(part) != std::string::npos
                   ? testing::AssertionSuccess()
                   : testing::AssertionFailure() << "'" << text << "' lacks " << part;
    };
    TensorToWrite const good{"a", DType::F32, {1}, four};
    EXPECT_EQ(refused({good}), "");
    EXPECT_TRUE(contains(refused({good, good}), "twice"));
    EXPECT_TRUE(contains(refused({{"a", DType::F32, {2}, four}}), "contradict"));
    EXPECT_TRUE(contains(refused({{"a", DType::F4, {1}, four.first(1)}}), "contradict"));
    EXPECT_TRUE(contains(refused({{"a", DType::U8, {-4}, four}}), "dimension of -4"));
    EXPECT_TRUE(
        contains(refused({{"a", DType::U8, {4, 1, 1, 1, 1, 1, 1, 1, 1}, four}}), "too many dimensions"));
    EXPECT_TRUE(contains(refused({{"", DType::F32, {1}, four}}), "read back"));
    EXPECT_TRUE(contains(refused({{"__metadata__", DType::F32, {1}, four}}), "read back"));
    EXPECT_TRUE(contains(refused({{std::string(1025, 'n'), DType::F32, {1}, four}}), "read back"));
    EXPECT_TRUE(contains(refused({{"\xff", DType::F32, {1}, four}}), "UTF-8"));
}

TEST(SafetensorsWriter, FullDiskKeepsTheOldFile) {
    Scratch const scratch;
    auto const path = scratch.path() / "a.safetensors";
    std::string const small = pattern("s", 8), large = pattern("l", 100'000);
    write_safetensors(path, {{"s", DType::U8, {8}, bytes_of(small)}}, {});
    std::string const before = read_file(path);
    {
        FileSizeLimit const limit(5000);
        std::vector<TensorToWrite> const tensors{{"l", DType::U8, {100'000}, bytes_of(large)}};
        EXPECT_THROW(write_safetensors(path, tensors, {}), Error);
    }
    EXPECT_EQ(read_file(path), before);
    EXPECT_EQ(files_in(scratch.path()), 1);
}

TEST(SafetensorsWriter, FolderThatIsNotThereIsNamed) {
    auto const message = message_of([] { write_safetensors("/proc/moewire/a", {}, {}); });
    EXPECT_NE(message.find("/proc/moewire/a"), std::string::npos) << message;
}

}  // namespace
}  // namespace moewire
