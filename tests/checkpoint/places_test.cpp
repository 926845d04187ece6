#include "checkpoint/places.hpp"

#include <gtest/gtest.h>

#include "checkpoint/files.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Two shipped models and an empty hub cache, in a folder of their own.
class Places : public testing::Test {
  protected:
    Places() : places_{scratch_.path() / "models", {scratch_.path() / "hub", scratch_.path() / "old"}} {
        for (auto const* name : {"small", "tiny"}) put(places_.models / name / "config.json");
        fs::create_directories(places_.models / "no_model");
        fs::create_directories(places_.hub_caches[0]);
    }

    static void put(fs::path const& path, std::string const& content = "{}") {
        fs::create_directories(path.parent_path());
        write_file(path, content);
    }
    fs::path snapshot(std::string const& revision, std::string const& model = "models--org--name") const {
        return places_.hub_caches[0] / model / "snapshots" / revision;
    }
    void put_whole_snapshot(std::string const& revision) const {
        put(snapshot(revision) / "config.json");
        put(snapshot(revision) / "model.safetensors");
    }
    void put_reference(std::string const& text) const {
        put(places_.hub_caches[0] / "models--org--name" / "refs" / "main", text);
    }
    std::string refusal(std::string_view name) const {
        return message_of([&] { find_model(name, places_); });
    }

    Scratch scratch_;
    ModelPlaces places_;
};

testing::AssertionResult says(std::string const& message, std::vector<std::string> const& parts) {
    for (auto const& part : parts) {
        if (message.find(part) == std::string::npos) {
            return testing::AssertionFailure() << "'" << message << "' lacks '" << part << "'";
        }
    }
    return testing::AssertionSuccess();
}

TEST_F(Places, FolderWithAConfigIsTheModel) {
    put(scratch_.path() / "own" / "config.json");
    EXPECT_EQ(find_model((scratch_.path() / "own").string(), places_), scratch_.path() / "own");
    EXPECT_EQ(find_model((scratch_.path() / "own").string(), {}), scratch_.path() / "own");
}

TEST_F(Places, ShippedModelsGoByName) {
    EXPECT_EQ(shipped_models(places_), (std::vector<std::string>{"small", "tiny"}));
    EXPECT_TRUE(shipped_models({}).empty());
    EXPECT_EQ(find_model("tiny", places_), places_.models / "tiny");
}

TEST_F(Places, UnknownNameListsWhatThereIs) {
    EXPECT_TRUE(says(refusal("large"), {"\"large\"", "small, tiny"}));
    EXPECT_EQ(refusal("large").find("scripts/fetch_model.py"), std::string::npos);
    EXPECT_TRUE(says(refusal("no_model"), {"small, tiny"}));
    EXPECT_TRUE(says(refusal(places_.models.string() + "/no_model"), {"that folder has no config.json"}));
    EXPECT_TRUE(says(refusal(""), {"small, tiny"}));
    EXPECT_TRUE(says(refusal("org/name"), {"small, tiny", "scripts/fetch_model.py org/name"}));
    EXPECT_TRUE(says(message_of([] { find_model("org/name", {}); }), {"scripts/fetch_model.py org/name"}));
}

TEST_F(Places, HubIdLeadsToTheReferencedSnapshot) {
    put_whole_snapshot("0aaa");
    put_whole_snapshot("0bbb");
    put_reference("0aaa\n");
    EXPECT_EQ(find_model("org/name", places_), snapshot("0aaa"));
    put_reference("0bbb \r\n");
    EXPECT_EQ(find_model("org/name", places_), snapshot("0bbb"));
}

TEST_F(Places, WithoutReferenceTheNewestSnapshotIsTaken) {
    put_whole_snapshot("0bbb");
    EXPECT_EQ(find_model("org/name", places_), snapshot("0bbb"));
    put_whole_snapshot("0aaa");
    auto const now = fs::file_time_type::clock::now();
    fs::last_write_time(snapshot("0aaa"), now);
    fs::last_write_time(snapshot("0bbb"), now - 24h);
    EXPECT_EQ(find_model("org/name", places_), snapshot("0aaa"));
    fs::last_write_time(snapshot("0bbb"), now + 24h);
    EXPECT_EQ(find_model("org/name", places_), snapshot("0bbb"));
}

TEST_F(Places, SnapshotsMayBeLinksIntoTheBlobs) {
    put(places_.hub_caches[0] / "models--org--name" / "blobs" / "1234");
    put_reference("0aaa");
    fs::create_directories(snapshot("0aaa"));
    for (auto const* name : {"config.json", "model.safetensors"}) {
        fs::create_symlink("../../blobs/1234", snapshot("0aaa") / name);
    }
    EXPECT_EQ(find_model("org/name", places_), snapshot("0aaa"));
    fs::remove(snapshot("0aaa") / "model.safetensors");
    fs::create_symlink("../../blobs/5678", snapshot("0aaa") / "model.safetensors");
    EXPECT_TRUE(says(refusal("org/name"), {"incomplete", "the weights"}));
}

TEST_F(Places, IncompleteSnapshotSaysWhatIsMissing) {
    put_reference("0aaa");
    fs::create_directories(snapshot("0aaa"));
    EXPECT_TRUE(
        says(refusal("org/name"), {"incomplete", "0aaa", "config.json", "scripts/fetch_model.py org/name"}));
    put(snapshot("0aaa") / "config.json");
    EXPECT_TRUE(says(refusal("org/name"), {"incomplete", "the weights (model.safetensors or"}));
    put(snapshot("0aaa") / "model.safetensors.index.json",
        R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "three.safetensors"}})");
    put(snapshot("0aaa") / "one.safetensors");
    EXPECT_TRUE(says(refusal("org/name"), {"2 of its weight files, three.safetensors first"}));
    put(snapshot("0aaa") / "two.safetensors");
    put(snapshot("0aaa") / "three.safetensors");
    EXPECT_EQ(find_model("org/name", places_), snapshot("0aaa"));
}

TEST_F(Places, ReferenceWithoutFilesMayMeanAGatedModel) {
    put_reference("0aaa");
    EXPECT_TRUE(says(refusal("org/name"), {"gated", "https://huggingface.co/org/name", "`hf auth login`",
                                           "then type: scripts/fetch_model.py org/name"}));
}

TEST_F(Places, RevisionIsABranchATagOrACommit) {
    for (auto const* revision : {"0aaa", "0bbb", "0ccc"}) put_whole_snapshot(revision);
    put_reference("0aaa");
    put(places_.hub_caches[0] / "models--org--name" / "refs" / "v1.0", "0bbb");
    put(places_.hub_caches[0] / "models--org--name" / "refs" / "refs" / "pr" / "1", "0ccc");
    EXPECT_EQ(find_model("org/name@main", places_), snapshot("0aaa"));
    EXPECT_EQ(find_model("org/name@v1.0", places_), snapshot("0bbb"));
    EXPECT_EQ(find_model("org/name@refs/pr/1", places_), snapshot("0ccc"));
    EXPECT_EQ(find_model("org/name@0ccc", places_), snapshot("0ccc"));
    EXPECT_TRUE(says(refusal("org/name@v2"), {"scripts/fetch_model.py org/name --revision v2"}));
    for (std::string const wrong : {"org/name@", "org/name@../../x", "org/name@a//b", "org/name@.git"})
        EXPECT_EQ(refusal(wrong).find("fetch_model"), std::string::npos) << wrong;
}

TEST_F(Places, FirstCacheThatHasItWholeCounts) {
    put(places_.hub_caches[1] / "models--org--name" / "snapshots" / "0old" / "config.json");
    put(places_.hub_caches[1] / "models--org--name" / "snapshots" / "0old" / "model.safetensors");
    auto const old = places_.hub_caches[1] / "models--org--name" / "snapshots" / "0old";
    EXPECT_EQ(find_model("org/name", places_), old);
    put(snapshot("0new") / "config.json");  // broken off
    EXPECT_EQ(find_model("org/name", places_), old);
    put(snapshot("0new") / "model.safetensors");
    EXPECT_EQ(find_model("org/name", places_), snapshot("0new"));
    fs::remove(snapshot("0new") / "model.safetensors");
    fs::remove(old / "config.json");
    EXPECT_TRUE(says(refusal("org/name"), {"0new", "incomplete"}));
    EXPECT_TRUE(says(refusal("org/other"),
                     {places_.hub_caches[0].string() + " or " + places_.hub_caches[1].string()}));
}

TEST_F(Places, NamesThatLeadElsewhereAreRefused) {
    put(scratch_.path() / "secret" / "config.json");
    put(scratch_.path() / "secret" / "model.safetensors");
    put(snapshot("0aaa", "models--a--b") / "config.json");
    for (std::string const name :
         {"../secret", "models/../../secret", "..", ".", "a/..", "../a", "a--b/c", "a/b/c", "/", "a/", "/b",
          "org/na me", "org\\name", "models--a--b", "org/.hidden"}) {
        EXPECT_NE(refusal(name), "") << name;
        EXPECT_EQ(refusal(name).find("scripts/fetch_model.py"), std::string::npos) << name;
    }
    EXPECT_NE(refusal(std::string("tiny\0/x", 7)), "");
    EXPECT_NE(refusal("org/" + std::string(5000, 'n')), "");
}

TEST_F(Places, ReferenceThatLeadsElsewhereIsRefused) {
    put_whole_snapshot("0aaa");
    for (auto const* text : {"", "\n", "../../../secret", "..", "/etc", "0aaa/../0aaa", "0aaa\xff"}) {
        put_reference(text);
        EXPECT_TRUE(says(refusal("org/name"), {"the name of a snapshot is needed"})) << text;
    }
    put_reference(std::string(1000, 'a'));
    EXPECT_TRUE(says(refusal("org/name"), {"refs/main", "1000 bytes"}));
}

}  // namespace
}  // namespace moewire
