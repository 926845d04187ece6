// The entries that libFuzzer calls, for the one harness that MOEWIRE_FUZZ_HARNESS names.
#include <algorithm>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "fuzz/harness.hpp"
#include "fuzz/judge.hpp"

namespace {

// Instrumented code is some ten times slower than what users run; processor time, so that a busy machine
// finds nothing that is not there.
constexpr double most_cpu_s = 4.0;

moewire::fuzz::Harness const& harness() {
    auto const all = moewire::fuzz::harnesses();
    return *std::find_if(all.begin(), all.end(),
                         [](auto const& one) { return one.name == MOEWIRE_FUZZ_HARNESS; });
}

}  // namespace

extern "C" {
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t bytes, std::size_t most_bytes);
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t bytes);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t bytes, std::size_t most_bytes,
                                    unsigned seed);

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t bytes) {
    auto const begin = std::clock();
    harness().run({reinterpret_cast<char const*>(data), bytes});
    double const cpu_s = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    moewire::fuzz::demand(cpu_s < most_cpu_s,
                          fmt::format("{:.1f} s of processor time for {} bytes", cpu_s, bytes));
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t bytes, std::size_t most_bytes,
                                    unsigned seed) {
    if (seed % 5 == 0) return LLVMFuzzerMutate(data, bytes, most_bytes);
    auto const mutated = harness().mutate({reinterpret_cast<char const*>(data), bytes}, seed);
    auto const kept_bytes = std::min(mutated.size(), most_bytes);
    std::memcpy(data, mutated.data(), kept_bytes);
    return kept_bytes;
}
}
