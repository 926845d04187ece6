// Damaged safetensors files, all of a kind: whatever happens to the bytes, a file either loads as tensors
// that can be read whole, or is refused. A crash, a hang, or memory without bound fails the run itself.
#include <gtest/gtest.h>

#include "checkpoint/files.hpp"
#include "fuzz/harness.hpp"

namespace moewire::fuzz {
namespace {

bool loads(std::string const& content) {
    return run_safetensors(content) == Verdict::accepted;
}

TEST(SafetensorsDamage, EveryFlipOfEveryByte) {
    std::string const good = read_file(fixture("foreign.safetensors"));
    ASSERT_TRUE(loads(good));
    int loaded = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int const flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ flip);
            loaded += loads(bad) ? 1 : 0;
        }
    }
    // Flips in the data, in names and in the sign of a type are harmless; far from all are.
    EXPECT_GT(loaded, 9 * 16);
    EXPECT_LT(loaded, static_cast<int>(9 * good.size()) / 2);
}

TEST(SafetensorsDamage, NoPartOfAFileLoads) {
    for (auto const* name : {"types.safetensors", "edges.safetensors", "foreign.safetensors"}) {
        std::string const good = read_file(fixture(name));
        for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
            EXPECT_FALSE(loads(good.substr(0, bytes))) << name << " cut to " << bytes;
        }
        EXPECT_FALSE(loads(good + '\0')) << name;
        EXPECT_TRUE(loads(good)) << name;
    }
}

TEST(SafetensorsDamage, TwentyThousandMutations) {
    std::vector<std::string> seeds;
    for (auto const* name : {"types.safetensors", "edges.safetensors", "foreign.safetensors"})
        seeds.push_back(read_file(fixture(name)));
    int loaded = 0;
    for (std::uint64_t i = 0; i < 20'000; ++i)
        loaded += loads(mutate_safetensors(seeds[i % seeds.size()], i)) ? 1 : 0;
    EXPECT_GT(loaded, 100);
    EXPECT_LT(loaded, 10'000);
}

}  // namespace
}  // namespace moewire::fuzz
