#include "measure/interleave.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/random.hpp"

namespace moewire {

Grid<std::int32_t, 2> interleaved_order(std::size_t cases, std::size_t iterations, std::uint64_t seed) {
    Grid<std::int32_t, 2> order(iterations, cases);
    for (std::size_t i = 0; i < iterations; ++i) {
        auto const shuffled = Random(seed, fmt::format("order of iteration {}", i))
                                  .permutation(static_cast<std::int32_t>(cases));
        std::copy(shuffled.begin(), shuffled.end(), order.row(i).begin());
    }
    return order;
}

void run_interleaved(Grid<std::int32_t, 2> const& order, std::size_t warmups,
                     std::function<void(std::size_t, std::optional<std::size_t>)> const& run_case,
                     std::function<void()> const& after_iteration) {
    for (std::size_t warmup = 0; warmup < warmups; ++warmup) {
        for (std::size_t which = 0; which < order.extent(1); ++which) run_case(which, std::nullopt);
    }
    for (std::size_t i = 0; i < order.extent(0); ++i) {
        for (auto const which : order.row(i)) run_case(static_cast<std::size_t>(which), i);
        after_iteration();
    }
}

}  // namespace moewire
