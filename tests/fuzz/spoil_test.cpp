// Does a message name what is wrong? One value of a sound file is spoiled at a time: the file is still
// accepted, or the message holds the key.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "checkpoint/config.hpp"
#include "checkpoint/files.hpp"
#include "checkpoint/safetensors.hpp"
#include "fuzz/json_mutator.hpp"
#include "fuzz/judge.hpp"
#include "text/tokenizer.hpp"

namespace moewire::fuzz {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t most_children = 4;  // of an object that is a table; of a list, two stand for all

// A place in a document: the way there, and the last key on it (list indices are no keys).
struct Target {
    Json::json_pointer pointer;
    std::string key;
};

void collect(Json const& json, Target const& here, std::vector<Target>& all) {
    std::size_t taken = 0;
    for (auto const& [key, inner] : json.items()) {
        if (++taken > most_children && json.size() > 100) break;
        if (json.is_array() && taken > 2) break;
        auto const place = json.is_array() ? here.pointer / std::stoul(key) : here.pointer / key;
        Target const there{place, json.is_object() ? key : here.key};
        all.push_back(there);
        if (inner.is_structured()) collect(inner, there, all);
    }
}

// The document's text with one value replaced by a JSON text, which need not be sound.
class Spoiler {
  public:
    Spoiler(Json document, Json::json_pointer const& pointer) {
        document[pointer] = mark_;
        text_ = document.dump();
        at_ = text_.find(mark_) - 1;
    }
    std::string with(std::string_view value) const {
        return std::string(text_).replace(at_, mark_.size() + 2, value);
    }

  private:
    std::string mark_ = "the spoiled value", text_;
    std::size_t at_ = 0;
};

// As it is or as a message shows it: escaped.
bool names(std::string const& message, std::string const& key) {
    auto const quoted = in_quotes(key);
    return message.find(key) != std::string::npos || message.find(quoted) != std::string::npos;
}

struct Counts {
    int accepted = 0, refused = 0;
};

// `message_for` says what reading a text throws, "" for nothing.
Counts spoil_all(Json const& document, std::function<std::string(std::string const&)> const& message_for) {
    std::vector<Target> targets;
    collect(document, Target(), targets);
    Counts counts;
    for (auto const& target : targets) {
        Spoiler const spoiler{document, target.pointer};
        for (auto const value : hostile_values()) {
            auto const message = message_for(spoiler.with(value));
            ++(message.empty() ? counts.accepted : counts.refused);
            // Where the text breaks off in a list, the key before it is the last one known.
            bool const known = Json::accept(value) || !document[target.pointer].is_structured();
            EXPECT_TRUE(message.empty() || !known || names(message, target.key))
                << target.pointer.to_string() << " = " << value << ": " << message;
        }
    }
    return counts;
}

std::map<std::string, Json> sound_configs() {
    auto const fixtures = fs::path(std::getenv("MOEWIRE_FIXTURES"));
    std::map<std::string, Json> configs;
    for (auto const& entry : fs::directory_iterator(fixtures / "models"))
        configs[entry.path().filename()] = Json::parse(read_file(entry.path() / "config.json"));
    auto const recorded = read_json(fixtures / "checkpoint" / "configs.json");
    for (auto const& [name, one] : recorded["cases"].items()) configs[name] = one["config"];
    return configs;
}

TEST(Spoiled, ConfigsAreRefusedByKey) {
    MemoryFolder folder;
    auto const message_for = [&](std::string const& text) {
        folder.put("config.json", text);
        return message_of([&] { read_config(folder.path()); });
    };
    Counts all;
    for (auto const& [name, config] : sound_configs()) {
        SCOPED_TRACE(name);
        if (!message_for(config.dump()).empty()) continue;  // recorded as one that is refused
        auto const counts = spoil_all(config, message_for);
        all.accepted += counts.accepted;
        all.refused += counts.refused;
    }
    EXPECT_GT(all.accepted, 1000);
    EXPECT_GT(all.refused, 1000);
}

void expect_named(std::string const& message, std::string const& tensor, std::string_view value) {
    auto const name = tensor == "__metadata__" ? std::string("metadata") : tensor;
    EXPECT_TRUE(message.empty() || names(message, name)) << tensor << ": " << value << ": " << message;
}

TEST(Spoiled, SafetensorsHeadersAreRefusedByTensor) {
    for (auto const* name : {"types.safetensors", "edges.safetensors", "foreign.safetensors"}) {
        SCOPED_TRACE(name);
        auto const bytes = read_file(fixture(name));
        std::uint64_t header_bytes = 0;
        std::copy_n(bytes.data(), sizeof header_bytes, reinterpret_cast<char*>(&header_bytes));
        auto const header = Json::parse(bytes.substr(8, header_bytes));
        MemoryFolder folder;
        // The fault lies in this tensor, whatever its field: the message must hold its name.
        for (auto const& [tensor, entry] : header.items()) {
            Spoiler const spoiler(header, Json::json_pointer() / tensor);
            auto const message_for = [&](std::string const& entry_text) {
                folder.put("x.safetensors",
                           safetensors_text(spoiler.with(entry_text), bytes.substr(8 + header_bytes)));
                return message_of([&] { SafetensorsFile const file(folder.path() / "x.safetensors"); });
            };
            std::vector<Target> fields;
            collect(entry, Target(), fields);
            for (auto const& field : fields) {
                Spoiler const inner(entry, field.pointer);
                for (auto const value : hostile_values())
                    expect_named(message_for(inner.with(value)), tensor, value);
            }
            for (auto const value : hostile_values())
                expect_named(message_for(std::string(value)), tensor, value);
        }
    }
}

TEST(Spoiled, TokenizersAreRefusedByKey) {
    auto const folder_of_all = fs::path(std::getenv("MOEWIRE_FIXTURES")) / "tokenizers";
    MemoryFolder folder;
    auto const message_for = [&](std::string const& text) {
        folder.put("tokenizer.json", text);
        return message_of(
            [&] { Tokenizer::from_file(folder.path() / "tokenizer.json").encode("some 123 <s>\n"); });
    };
    Counts all;
    for (auto const* name : {"qwen_split", "normalizers_digits_punctuation", "metaspace_first"}) {
        SCOPED_TRACE(name);
        auto const document = Json::parse(read_file(folder_of_all / (std::string(name) + ".json")));
        auto const counts = spoil_all(document, message_for);
        all.accepted += counts.accepted;
        all.refused += counts.refused;
    }
    EXPECT_GT(all.refused, 1000);
}

}  // namespace
}  // namespace moewire::fuzz
