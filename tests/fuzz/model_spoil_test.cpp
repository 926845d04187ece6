// What does a model folder get whose config and tensors contradict each other? One value of the config or one
// tensor is spoiled at a time: the model still runs, or is refused by key or tensor, before it asks for much
// memory.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "checkpoint/dtype.hpp"
#include "checkpoint/files.hpp"
#include "model/language_model.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

// While alive, this process gets at most so many bytes more: a huge request fails as on a machine that is
// full.
class MemoryLimit {
  public:
    explicit MemoryLimit(rlim_t more_bytes) {
        ::getrlimit(RLIMIT_AS, &old_);
        rlim_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        rlimit const limit{pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more_bytes, old_.rlim_max};
        ::setrlimit(RLIMIT_AS, &limit);
    }
    ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &old_); }
    MemoryLimit(MemoryLimit const&) = delete;
    MemoryLimit& operator=(MemoryLimit const&) = delete;

  private:
    rlimit old_{};
};

constexpr rlim_t most_more_bytes = 1 << 30;  // the fixtures have a megabyte

// What loading the folder, its experts included, and a pass over three tokens throw; "" for nothing.
// Exceptions other than Error pass, and fail the test.
std::string message_for(fs::path const& folder) {
    try {
        std::unique_ptr<LanguageModel> model;
        {
            MemoryLimit const limit(most_more_bytes);
            model = LanguageModel::load(folder, {});
        }
        TestParallel const parallel(*model, "contiguous");
        auto const last = static_cast<std::int32_t>(model->facts().vocabulary - 1);
        Grid<std::int32_t, 2> const tokens({1, 3}, std::vector<std::int32_t>{0, last, last / 2});
        model->forward(tokens, parallel.view(), {.read_out = ReadOut::last});
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2) << error.what();
        return error.what();
    }
    return "";
}

class ModelFolder {
  public:
    explicit ModelFolder(std::string const& model) {
        for (auto const& entry : fs::directory_iterator(fixture_model(model))) fs::copy(entry.path(), path());
        fs::remove(path() / "expected.safetensors");
    }
    fs::path const& path() const { return scratch_.path(); }

  private:
    Scratch scratch_;
};

// Numbers that a size may be by mistake, and what is no number.
constexpr std::array<char const*, 14> values{"null", "true", "0",  "-1",    "1",       "2",     "3",
                                             "7",    "0.5",  "64", "65536", "4194304", "\"a\"", "[]"};

// Without what makes a write durable, which takes most of a test's time.
void overwrite(fs::path const& path, std::string const& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

bool names(std::string const& message, std::string const& key) {
    return message.find(key) != std::string::npos || message.find("tensor") != std::string::npos;
}

class SpoiledModel : public testing::TestWithParam<std::string> {};

TEST_P(SpoiledModel, ConfigsThatContradictTheTensorsAreRefused) {
    ModelFolder const folder(GetParam());
    auto const config = Json::parse(read_file(folder.path() / "config.json"));
    ASSERT_EQ(message_for(folder.path()), "");
    int refused = 0;
    for (auto const& [key, value] : config.items()) {
        for (auto const* spoiled : values) {
            auto changed = config;
            changed[key] = Json::parse(spoiled);
            overwrite(folder.path() / "config.json", changed.dump());
            auto const message = message_for(folder.path());
            refused += message.empty() ? 0 : 1;
            EXPECT_TRUE(message.empty() || names(message, key)) << key << " = " << spoiled << ": " << message;
        }
    }
    EXPECT_GT(refused, 50);
}

// One tensor's entry in a header, changed so that the file is still sound.
std::vector<std::pair<std::string, Json>> changes_of(Json const& entry) {
    std::vector<std::pair<std::string, Json>> changes;
    auto const& shape = entry["shape"];
    auto with = [&](Json const& other) {
        auto changed = entry;
        changed["shape"] = other;
        return changed;
    };
    auto longer = shape;
    longer.push_back(1);
    changes.emplace_back("one dimension more", with(longer));
    std::int64_t elements = 1;
    for (auto const& size : shape) elements *= size.get<std::int64_t>();
    changes.emplace_back("another shape", with(shape.size() == 1 ? Json{1, elements} : Json{elements}));
    static std::map<std::string, char const*> const same_width{
        {"F32", "I32"}, {"BF16", "I16"}, {"F16", "U16"}, {"U8", "BOOL"}, {"F8_E4M3", "I8"}};
    auto typed = entry;
    typed["dtype"] = same_width.at(entry["dtype"].get<std::string>());
    changes.emplace_back("a type of the same width", typed);
    return changes;
}

void spoil_tensors(ModelFolder const& folder, fs::path const& file) {
    auto const bytes = read_file(file);
    std::uint64_t header_bytes = 0;
    std::copy_n(bytes.data(), sizeof header_bytes, reinterpret_cast<char*>(&header_bytes));
    auto const header = Json::parse(bytes.substr(8, header_bytes));
    auto const data = bytes.substr(8 + header_bytes);
    auto const expect_refused = [&](Json const& changed, std::string const& name, std::string const& what) {
        overwrite(file, safetensors_text(changed.dump(), data));
        auto const message = message_for(folder.path());
        EXPECT_NE(message.find(name), std::string::npos) << name << " with " << what << ": " << message;
    };
    for (auto const& [name, entry] : header.items()) {
        if (name == "__metadata__") continue;
        for (auto const& [what, changed_entry] : changes_of(entry)) {
            auto changed = header;
            changed[name] = changed_entry;
            expect_refused(changed, name, what);
        }
        auto renamed = header;
        renamed["x" + name] = entry;
        renamed.erase(name);
        expect_refused(renamed, name, "another name");
    }
    overwrite(file, bytes);
}

TEST_P(SpoiledModel, TensorsThatContradictTheConfigAreRefused) {
    ModelFolder const folder(GetParam());
    for (auto const& entry : fs::directory_iterator(folder.path())) {
        auto const name = entry.path().filename().string();
        if (name.starts_with("model") && name.ends_with(".safetensors")) spoil_tensors(folder, entry.path());
    }
    EXPECT_EQ(message_for(folder.path()), "");
}

INSTANTIATE_TEST_SUITE_P(EveryFixture, SpoiledModel, testing::ValuesIn(fixture_models()),
                         [](auto const& model) {
                             auto name = model.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace moewire
