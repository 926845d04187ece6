// Damaged files: whatever happens to the bytes, a file either loads as tensors that can be read whole, or is
// refused by an Error. A crash, a hang, or memory without bound fails the run itself.
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "checkpoint/files.hpp"

namespace moewire {
namespace {

// One file in memory, written over and over: a disk would be asked to keep each of them.
class Patient {
  public:
    Patient()
        : descriptor_(::memfd_create("patient", 0)), path_(fmt::format("/proc/self/fd/{}", descriptor_)) {}
    ~Patient() { ::close(descriptor_); }
    Patient(Patient const&) = delete;
    Patient& operator=(Patient const&) = delete;

    // Loads the content. A file that loads must hold together: extents, sizes, and every byte readable.
    bool loads(std::string const& content) {
        bool const written = ::ftruncate(descriptor_, 0) == 0 &&
                             ::pwrite(descriptor_, content.data(), content.size(), 0) == std::ssize(content);
        if (!written) throw std::runtime_error("cannot write the patient");
        try {
            check(SafetensorsFile(path_), content);
            return true;
        } catch (Error const& error) {
            EXPECT_EQ(error.exit_code(), 2) << error.what();
            return false;
        }
    }

  private:
    static void check(SafetensorsFile const& file, std::string const& content) {
        std::uint64_t header_bytes = 0;
        std::copy_n(content.data(), 8, reinterpret_cast<char*>(&header_bytes));
        std::uint64_t reached = 8 + header_bytes;
        for (auto const& tensor : file.tensors()) {
            ASSERT_EQ(tensor.begin_bytes, reached);
            ASSERT_LE(tensor.end_bytes, content.size());
            ASSERT_EQ(tensor.bytes() * 8,
                      static_cast<std::uint64_t>(tensor.elements()) * bits_of(tensor.dtype));
            ASSERT_EQ(content_of(file, tensor), content.substr(tensor.begin_bytes, tensor.bytes()));
            reached = tensor.end_bytes;
        }
        ASSERT_EQ(reached, content.size());
    }

    int descriptor_;
    std::filesystem::path path_;
};

TEST(SafetensorsFuzz, EveryFlipOfEveryByte) {
    std::string const good = read_file(fixture("foreign.safetensors"));
    Patient patient;
    ASSERT_TRUE(patient.loads(good));
    int loaded = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int const flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ flip);
            loaded += patient.loads(bad) ? 1 : 0;
        }
    }
    // Flips in the data, in names and in the sign of a type are harmless; far from all are.
    EXPECT_GT(loaded, 9 * 16);
    EXPECT_LT(loaded, static_cast<int>(9 * good.size()) / 2);
}

TEST(SafetensorsFuzz, NoPartOfAFileLoads) {
    for (auto const* name : {"types.safetensors", "edges.safetensors", "foreign.safetensors"}) {
        std::string const good = read_file(fixture(name));
        Patient patient;
        for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
            EXPECT_FALSE(patient.loads(good.substr(0, bytes))) << name << " cut to " << bytes;
        }
        EXPECT_FALSE(patient.loads(good + '\0')) << name;
        EXPECT_TRUE(patient.loads(good)) << name;
    }
}

// Pieces that a header is made of, so that mutations get past the first check.
std::string fragment(Random& random) {
    static std::vector<std::string> const fragments{"{",
                                                    "}",
                                                    "[",
                                                    "]",
                                                    ",",
                                                    ":",
                                                    "\"",
                                                    "\\",
                                                    "0",
                                                    "1",
                                                    "8",
                                                    "-1",
                                                    "1e9",
                                                    "18446744073709551615",
                                                    "9007199254740992",
                                                    "null",
                                                    "true",
                                                    "\"dtype\":\"F32\"",
                                                    "\"shape\":[0]",
                                                    "\"data_offsets\":[0,0]",
                                                    "\"__metadata__\":{}",
                                                    " ",
                                                    "\"F4\"",
                                                    "\"\"",
                                                    std::string(1, '\0'),
                                                    "\xff",
                                                    "\\u0000",
                                                    "[[[[[[[[",
                                                    "{\"a\":{"};
    return fragments[random.below(fragments.size())];
}

std::string mutated(std::string content, Random& random) {
    for (auto left = 1 + random.below(4); left > 0; --left) {
        auto const at = static_cast<std::size_t>(random.below(content.size() + 1));
        auto const bytes = static_cast<std::size_t>(random.below(12));
        switch (random.below(5)) {
            case 0:
                if (at < content.size()) content[at] = static_cast<char>(random.below(256));
                break;
            case 1:
                content.erase(at, bytes);
                break;
            case 2:
                content.insert(at, fragment(random));
                break;
            case 3:
                content.replace(at, std::min(bytes, content.size() - at), fragment(random));
                break;
            default:
                content.insert(
                    at, content.substr(static_cast<std::size_t>(random.below(content.size() + 1)), bytes));
        }
    }
    return content;
}

TEST(SafetensorsFuzz, TwentyThousandMutations) {
    Random random(20, "mutations");
    std::vector<std::string> seeds;
    for (auto const* name : {"types.safetensors", "edges.safetensors", "foreign.safetensors"}) {
        seeds.push_back(read_file(fixture(name)));
    }
    Patient patient;
    int loaded = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string const& seed = seeds[static_cast<std::size_t>(random.below(seeds.size()))];
        // Half of them mutate the header and keep its length true, so that the parser sees the damage.
        std::uint64_t header_bytes = 0;
        std::copy_n(seed.data(), 8, reinterpret_cast<char*>(&header_bytes));
        bool const honest = random.below(2) == 0;
        loaded += patient.loads(honest ? safetensors_text(mutated(seed.substr(8, header_bytes), random),
                                                          seed.substr(8 + header_bytes))
                                       : mutated(seed, random))
                      ? 1
                      : 0;
    }
    EXPECT_GT(loaded, 100);
    EXPECT_LT(loaded, 10'000);
}

}  // namespace
}  // namespace moewire
