// Which numbers are drawn? The same on every machine and every rank for one seed.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace moewire {

// A stream of random numbers, fixed by a seed and by what it is for, so that two uses of one seed do not
// share numbers. The standard's distributions differ between libraries; these do not.
class Random {
  public:
    Random(std::uint64_t seed, std::string_view purpose);

    std::uint64_t next() { return engine_(); }

    // Uniform in 0 .. count-1, without modulo bias. Throws: contract, when count is 0.
    std::uint64_t below(std::uint64_t count);

    // Uniform in [0, 1), 53 bits.
    double uniform();

    template <class T>
    void shuffle(std::span<T> values) {
        for (std::size_t left = values.size(); left > 1; --left) {
            std::swap(values[left - 1], values[static_cast<std::size_t>(below(left))]);
        }
    }

    // 0 .. count-1 in random order.
    std::vector<std::int32_t> permutation(std::int32_t count);

  private:
    std::mt19937_64 engine_;
};

// A well-mixed 64-bit function of its argument (the finaliser of splitmix64): payload stamps, seeds.
constexpr std::uint64_t mix64(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

}  // namespace moewire
