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
    Places() : places_{scratch_.path() / "models", scratch_.path() / "hub"} {
        for (auto const* name : {"small", "tiny"}) put(places_.models / name / "config.json");
        fs::create_directories(places_.models / "no_model");
        fs::create_directories(places_.hub_cache);
    }

    static void put(fs::path const& path, std::string const& content = "{}") {
        fs::create_directories(path.parent_path());
        write_file(path, content);
    }
    fs::path snapshot(std::string const& revision, std::string const& model = "models--org--name") const {
        return places_.hub_cache / model / "snapshots" / revision;
    }
    void put_whole_snapshot(std::string const& revision) const {
        put(snapshot(revision) / "config.json");
        put(snapshot(revision) / "model.safetensors");
    }
    void put_reference(std::string const& text) const {
        put(places_.hub_cache / "models--org--name" / "refs" / "main", text);
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
    EXPECT_EQ(refusal("large").find("hf download"), std::string::npos);
    EXPECT_TRUE(says(refusal("no_model"), {"small, tiny"}));
    EXPECT_TRUE(says(refusal(places_.models.string() + "/no_model"), {"that folder has no config.json"}));
    EXPECT_TRUE(says(refusal(""), {"small, tiny"}));
    EXPECT_TRUE(says(refusal("org/name"), {"small, tiny", "hf download org/name"}));
    EXPECT_TRUE(says(message_of([] { find_model("org/name", {}); }), {"hf download org/name"}));
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
    put(places_.hub_cache / "models--org--name" / "blobs" / "1234");
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
    EXPECT_TRUE(says(refusal("org/name"), {"incomplete", "0aaa", "config.json", "hf download org/name"}));
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

TEST_F(Places, NamesThatLeadElsewhereAreRefused) {
    put(scratch_.path() / "secret" / "config.json");
    put(scratch_.path() / "secret" / "model.safetensors");
    put(snapshot("0aaa", "models--a--b") / "config.json");
    for (std::string const name :
         {"../secret", "models/../../secret", "..", ".", "a/..", "../a", "a--b/c", "a/b/c", "/", "a/", "/b",
          "org/na me", "org\\name", "models--a--b", "org/.hidden"}) {
        EXPECT_NE(refusal(name), "") << name;
        EXPECT_EQ(refusal(name).find("hf download"), std::string::npos) << name;
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
