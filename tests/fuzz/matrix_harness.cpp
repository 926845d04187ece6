#include <algorithm>
#include <array>
#include <string>

#include "base/random.hpp"
#include "fuzz/harness.hpp"
#include "fuzz/judge.hpp"
#include "traffic/matrix_file.hpp"

namespace moewire::fuzz {
namespace {

constexpr char const* name = "matrix.txt";

constexpr std::array<std::string_view, 22> words{"0",
                                                 "16",
                                                 "-16",
                                                 "-0",
                                                 "+1",
                                                 "1e3",
                                                 "0x1p60",
                                                 "0x",
                                                 "1e999",
                                                 "1e-999",
                                                 "nan",
                                                 "-inf",
                                                 "1.5",
                                                 ".",
                                                 "1e",
                                                 "#",
                                                 "1,2",
                                                 "\n",
                                                 "\n \n",
                                                 "\t\v\f ",
                                                 "1125899906842625",
                                                 "18446744073709551616"};

void check_matrix(ByteMatrix const& bytes) {
    demand(bytes.extent(0) == bytes.extent(1) && !bytes.empty(), "an accepted matrix is not square");
    for (auto const value : bytes.values())
        demand(value % matrix_step_bytes == 0 && value <= most_pair_bytes,
               "a value is none that may be sent");
    demand(busiest_rank_bytes(bytes) <= most_pair_bytes * bytes.extent(0), "sums overflow");
    demand(parse_matrix(matrix_text(bytes), name) == bytes, "a written matrix is read as another");
}

}  // namespace

Verdict run_matrix(std::string_view bytes) {
    static MemoryFolder folder;
    folder.put(name, bytes);
    auto const path = folder.path() / name;
    return judge(path, [&] { check_matrix(read_matrix(path)); });
}

std::string mutate_matrix(std::string_view bytes, std::uint64_t seed) {
    Random random(seed, "matrix");
    std::string text(bytes);
    auto const at = static_cast<std::size_t>(random.below(text.size() + 1));
    switch (random.below(4)) {
        case 0:
            return text.substr(0, at);
        case 1:
            return text.erase(at, random.below(8));
        case 2:
            return text.insert(at, 1, static_cast<char>(random.below(256)));
        default:
            break;
    }
    auto const end = std::min(text.find_first_of(" \n", at), text.size());
    return text.replace(at, end - at, words[static_cast<std::size_t>(random.below(words.size()))]);
}

}  // namespace moewire::fuzz
