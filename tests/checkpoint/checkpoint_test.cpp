#include "checkpoint/checkpoint.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "checkpoint/files.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

std::string content_of(Checkpoint const& checkpoint, std::string const& name) {
    std::string content(checkpoint.at(name).bytes(), '\0');
    checkpoint.read(name, 0, std::as_writable_bytes(std::span(content)));
    return content;
}

// A folder with one shard an entry and, unless told otherwise, the index that fits them.
struct Shards {
    using Layout = std::map<std::string, std::vector<std::string>>;
    explicit Shards(Layout const& tensors_of) {
        for (auto const& [file, names] : tensors_of) {
            std::vector<TensorToWrite> tensors;
            for (auto const& name : names) tensors.push_back({name, DType::U8, {4}, bytes_of(data)});
            write_safetensors(folder() / file, tensors, {});
            for (auto const& name : names) index["weight_map"][name] = file;
        }
    }
    fs::path const& folder() const { return scratch.path(); }
    std::string open_with_index() const {
        write_file(folder() / "model.safetensors.index.json", to_text(index));
        return message_of([&] { Checkpoint::open(folder()); });
    }

    Scratch scratch;
    std::string data = "data";
    Json index;
};

testing::AssertionResult says(std::string const& message, std::vector<std::string> const& parts) {
    for (auto const& part : parts) {
        if (message.find(part) == std::string::npos) {
            return testing::AssertionFailure() << "'" << message << "' lacks '" << part << "'";
        }
    }
    return testing::AssertionSuccess();
}

TEST(Checkpoint, OneFileAndShardsOfTransformersAreTheSame) {
    auto const single = Checkpoint::open(fixture("single"));
    auto const sharded = Checkpoint::open(fixture("sharded"));
    EXPECT_EQ(single.names(), sharded.names());
    EXPECT_EQ(single.names().size(), 45U);
    EXPECT_EQ(single.total_bytes(), 14880U);  // the index's metadata.total_size
    EXPECT_EQ(sharded.total_bytes(), 14880U);
    for (auto const& name : single.names()) {
        EXPECT_EQ(single.at(name).shape, sharded.at(name).shape) << name;
        EXPECT_EQ(single.at(name).dtype, DType::BF16) << name;
        EXPECT_EQ(content_of(single, name), content_of(sharded, name)) << name;
    }
    EXPECT_EQ(single.digest(), sharded.digest());
    EXPECT_TRUE(single.contains("lm_head.weight"));
    EXPECT_FALSE(single.contains("lm_head"));
}

TEST(Checkpoint, OneExpertOfAFusedTensorCostsItsBytesAlone) {
    Scratch const scratch;
    constexpr std::uint64_t experts = 8, expert_bytes = 6 * 10 * 2;
    std::string const data = pattern("fused", experts * expert_bytes);
    write_safetensors(
        scratch.path() / "model.safetensors",
        {{"fused", DType::BF16, {8, 6, 10}, bytes_of(data)}, {"other", DType::U8, {4}, bytes_of("data")}},
        {{"format", "pt"}});
    auto const checkpoint = Checkpoint::open(scratch.path());
    EXPECT_EQ(checkpoint.bytes_read(), 0U);
    for (std::uint64_t const expert : {0U, 3U, 7U}) {
        std::string part(expert_bytes, '\0');
        auto const before = checkpoint.bytes_read();
        checkpoint.read("fused", expert * expert_bytes, std::as_writable_bytes(std::span(part)));
        EXPECT_EQ(part, data.substr(expert * expert_bytes, expert_bytes)) << "expert " << expert;
        EXPECT_EQ(checkpoint.bytes_read() - before, expert_bytes);
    }
    (void)checkpoint.digest();
    EXPECT_EQ(checkpoint.bytes_read(), 3 * expert_bytes);
}

TEST(Checkpoint, SeveralThreadsReadAtOnce) {
    auto const checkpoint = Checkpoint::open(fixture("sharded"));
    auto const reference = Checkpoint::open(fixture("single"));
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (auto const& name : checkpoint.names()) {
                if (content_of(checkpoint, name) != content_of(reference, name)) ++wrong;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(checkpoint.bytes_read(), 4 * checkpoint.total_bytes());
}

TEST(Checkpoint, UnknownTensorIsNamedWithItsNeighbours) {
    auto const checkpoint = Checkpoint::open(fixture("single"));
    auto const message = message_of([&] { checkpoint.at("model.layers.9.mlp.gate.weight"); });
    EXPECT_TRUE(says(message, {"\"model.layers.9.mlp.gate.weight\"", "\"model.layers.0.mlp.gate.weight\"",
                               "\"model.layers.1.mlp.gate.weight\""}));
    EXPECT_EQ(message.find("lm_head"), std::string::npos) << message;
    EXPECT_TRUE(says(message_of([&] { checkpoint.at("weight.x"); }), {"none whose name ends alike"}));
    EXPECT_TRUE(says(message_of([&] { checkpoint.at("weight"); }), {"\"lm_head.weight\"", "and 41 more"}));
}

TEST(Checkpoint, DigestSeesNameTypeShapeAndEveryByte) {
    std::string data = pattern("d", 8);
    auto const digest_of = [](TensorToWrite const& tensor) {
        Scratch const scratch;
        write_safetensors(scratch.path() / "model.safetensors", {tensor}, {});
        return Checkpoint::open(scratch.path()).digest();
    };
    std::vector<std::string> digests{
        digest_of({"a", DType::U8, {8}, bytes_of(data)}), digest_of({"b", DType::U8, {8}, bytes_of(data)}),
        digest_of({"a", DType::I8, {8}, bytes_of(data)}), digest_of({"a", DType::U8, {2, 4}, bytes_of(data)}),
        digest_of({"a", DType::U8, {4, 2}, bytes_of(data)})};
    EXPECT_EQ(digests.front(), digest_of({"a", DType::U8, {8}, bytes_of(data)}));
    for (std::size_t at = 0; at < data.size(); ++at) {
        std::string other = data;
        other[at] = static_cast<char>(other[at] ^ 1);
        digests.push_back(digest_of({"a", DType::U8, {8}, bytes_of(other)}));
    }
    std::sort(digests.begin(), digests.end());
    EXPECT_EQ(std::adjacent_find(digests.begin(), digests.end()), digests.end());
    EXPECT_EQ(digests.front().size(), 32U);
}

TEST(Checkpoint, DigestSpansItsOwnChunks) {
    Scratch const scratch;
    std::string data((std::size_t{4} << 20) + 5, 'x');
    auto const digest = [&] {
        write_safetensors(scratch.path() / "model.safetensors",
                          {{"a", DType::U8, {static_cast<std::int64_t>(data.size())}, bytes_of(data)}}, {});
        return Checkpoint::open(scratch.path()).digest();
    };
    auto const before = digest();
    data.back() = 'y';
    EXPECT_NE(digest(), before);
}

TEST(Checkpoint, IndexAndShardsMustAgree) {
    Shards::Layout const layout{{"one.safetensors", {"a", "b"}}, {"two.safetensors", {"c"}}};
    EXPECT_EQ(Shards(layout).open_with_index(), "");

    Shards promised(layout);
    promised.index["weight_map"]["ghost"] = "two.safetensors";
    EXPECT_TRUE(says(promised.open_with_index(), {"1 tensors that are in no file", "\"ghost\""}));

    Shards unlisted(layout);
    unlisted.index["weight_map"].erase("b");
    EXPECT_TRUE(says(unlisted.open_with_index(), {"1 tensors that the index does not name", "\"b\""}));

    Shards swapped(layout);
    swapped.index["weight_map"]["b"] = "two.safetensors";
    EXPECT_TRUE(says(swapped.open_with_index(),
                     {"\"b\" lies in \"one.safetensors\"", "the index says \"two.safetensors\""}));

    Shards missing(layout);
    missing.index["weight_map"]["d"] = "three.safetensors";
    EXPECT_TRUE(
        says(missing.open_with_index(), {"1 of 3 weight files are missing", "\"three.safetensors\""}));

    Shards const twice(Shards::Layout{{"one.safetensors", {"a", "b"}}, {"two.safetensors", {"b"}}});
    EXPECT_TRUE(
        says(twice.open_with_index(), {"\"b\" lies in \"one.safetensors\" and in \"two.safetensors\""}));
}

TEST(Checkpoint, BadIndexIsRefused) {
    auto const opened = [](std::string const& text) {
        Shards const shards(Shards::Layout{{"one.safetensors", {"a"}}});
        write_file(shards.folder() / "model.safetensors.index.json", text);
        return message_of([&] { Checkpoint::open(shards.folder()); });
    };
    EXPECT_EQ(opened(R"({"weight_map": {"a": "one.safetensors"}})"), "");
    EXPECT_EQ(opened(R"({"metadata": {"total_size": 4.0}, "weight_map": {"a": "one.safetensors"}})"), "");
    for (auto const* name : {"../one.safetensors", "x/one.safetensors", "x\\\\one.safetensors", "..",
                             ".safetensors", "", "/etc/passwd", "one.bin", "one.safetensors\\u0000"}) {
        auto const message = opened(std::string(R"({"weight_map": {"a": ")") + name + "\"}}");
        EXPECT_TRUE(says(message, {"tensor \"a\"", "a plain .safetensors name"})) << name;
    }
    EXPECT_TRUE(says(opened(R"({"weight_map": {"a": 5}})"), {"a plain .safetensors name"}));
    for (auto const* text : {"{}", "[]", "5", R"({"weight_map": {}})", R"({"weight_map": []})"}) {
        EXPECT_TRUE(says(opened(text), {"there is no weight_map"})) << text;
    }
    for (auto const* text : {"", "{", "{\"weight_map\": {\"\xff\": 1}}", "{} {}"}) {
        EXPECT_TRUE(says(opened(text), {"not valid JSON"})) << text;
    }
    EXPECT_TRUE(says(opened(std::string("{}\0 ", 4)), {"a zero byte"}));
    EXPECT_TRUE(says(opened(R"({"weight_map": {"a": "one.safetensors", "a": "one.safetensors"}})"),
                     {"appears twice"}));
    EXPECT_TRUE(says(opened(std::string(100'000, '[')), {"nests deeper"}));
}

TEST(Checkpoint, WrongTotalSizeIsOnlyAWarning) {
    Shards shards(Shards::Layout{{"one.safetensors", {"a", "b"}}});
    auto const warning = [&](std::uint64_t total_bytes) {
        shards.index["metadata"]["total_size"] = total_bytes;
        testing::internal::CaptureStderr();
        EXPECT_EQ(shards.open_with_index(), "");
        return testing::internal::GetCapturedStderr();
    };
    EXPECT_EQ(warning(8), "");
    EXPECT_TRUE(says(warning(9), {"warning", "the index says 9 bytes", "hold 8"}));
}

TEST(Checkpoint, FolderWithoutWeightsSaysWhatWasLookedFor) {
    Scratch const scratch;
    auto const opened = [&] { return message_of([&] { Checkpoint::open(scratch.path()); }); };
    EXPECT_TRUE(says(opened(), {"model.safetensors", "model.safetensors.index.json", "no weights"}));
    write_file(scratch.path() / "pytorch_model-00001-of-00002.bin", "x");
    EXPECT_TRUE(says(opened(), {"only pytorch_model*.bin", "safetensors is needed"}));
    EXPECT_TRUE(says(message_of([&] { Checkpoint::open(scratch.path() / "absent"); }), {"is no folder"}));
    EXPECT_TRUE(says(message_of([&] { Checkpoint::open(fixture("single/config.json")); }), {"is no folder"}));
}

TEST(Checkpoint, SingleFileWinsOverAnIndex) {
    Shards const shards(Shards::Layout{{"model.safetensors", {"a"}}, {"two.safetensors", {"b"}}});
    testing::internal::CaptureStderr();
    EXPECT_EQ(shards.open_with_index(), "");
    EXPECT_TRUE(says(testing::internal::GetCapturedStderr(), {"the single file is read"}));
    EXPECT_EQ(Checkpoint::open(shards.folder()).names(), std::vector<std::string>{"a"});
}

// Quadratic time would take minutes here.
TEST(Checkpoint, IndexOfALargeModelOpensAtOnce) {
    Scratch const scratch;
    std::vector<TensorToWrite> tensors;
    std::string index;
    for (int i = 0; i < 100'000; ++i) {
        std::string const name = "model.layers.0.mlp.experts." + std::to_string(i) + ".down_proj.weight";
        tensors.push_back({name, DType::U8, {0}, {}});
        index += (i > 0 ? ",\"" : "\"") + name + "\":\"one.safetensors\"";
    }
    write_safetensors(scratch.path() / "one.safetensors", tensors, {});
    write_file(scratch.path() / "model.safetensors.index.json", "{\"weight_map\":{" + index + "}}");
    auto const start = std::chrono::steady_clock::now();
    EXPECT_EQ(Checkpoint::open(scratch.path()).names().size(), tensors.size());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

}  // namespace
}  // namespace moewire
