#include "base/random.hpp"

#include <numeric>

#include "base/contract.hpp"

namespace moewire {

Random::Random(std::uint64_t seed, std::string_view purpose) {
    std::uint64_t state = mix64(seed);
    for (char const c : purpose) state = mix64(state ^ static_cast<unsigned char>(c));
    engine_.seed(state);
}

std::uint64_t Random::below(std::uint64_t count) {
    MOEWIRE_EXPECT(count > 0);
    // Reject the incomplete last block of the 64-bit range.
    std::uint64_t const limit = ~std::uint64_t{0} - (~std::uint64_t{0} % count + 1) % count;
    std::uint64_t value = engine_();
    while (value > limit) value = engine_();
    return value % count;
}

double Random::uniform() {
    return static_cast<double>(engine_() >> 11) * 0x1.0p-53;
}

std::vector<std::int32_t> Random::permutation(std::int32_t count) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    shuffle(std::span<std::int32_t>(order));
    return order;
}

}  // namespace moewire
