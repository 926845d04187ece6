// Does every input that fuzzing kept still end well? Each harness over its corpus, and over mutations of it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "fuzz/harness.hpp"

namespace moewire::fuzz {
namespace {
namespace fs = std::filesystem;

std::vector<std::string> corpus_of(std::string_view harness) {
    std::vector<std::string> inputs;
    auto const folder = fs::path(std::getenv("MOEWIRE_HOME")) / "tests" / "fuzz" / "corpus" / harness;
    std::vector<fs::path> paths;
    for (auto const& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (auto const& path : paths) inputs.push_back(read_file(path));
    return inputs;
}

class EveryHarness : public testing::TestWithParam<Harness> {};

TEST_P(EveryHarness, EndsWellOnItsCorpus) {
    auto const inputs = corpus_of(GetParam().name);
    auto const accepted = std::count_if(inputs.begin(), inputs.end(), [](auto const& input) {
        return GetParam().run(input) == Verdict::accepted;
    });
    // A corpus that guards anything holds both kinds.
    EXPECT_GT(accepted, 0);
    EXPECT_LT(accepted, std::ssize(inputs));
}

TEST_P(EveryHarness, EndsWellOnMutations) {
    auto const inputs = corpus_of(GetParam().name);
    std::uint64_t seed = 0;
    int refused = 0;
    for (int round = 0; round < 3; ++round) {
        for (auto const& input : inputs) {
            refused += GetParam().run(GetParam().mutate(input, ++seed)) == Verdict::refused ? 1 : 0;
        }
    }
    EXPECT_GT(refused, 0);
}

INSTANTIATE_TEST_SUITE_P(Kept, EveryHarness, testing::ValuesIn(harnesses().begin(), harnesses().end()),
                         [](auto const& harness) { return std::string(harness.param.name); });

}  // namespace
}  // namespace moewire::fuzz
