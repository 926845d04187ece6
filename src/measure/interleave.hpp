// In which order do cases run? Interleaved at random within a group, so that drift hits all alike.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/grid.hpp"

namespace moewire {

// The order of the cases in every iteration: a fresh permutation each, the same on every rank.
// Shape: [iteration, position]; values are case numbers.
Grid<std::int32_t, 2> interleaved_order(std::size_t cases, std::size_t iterations, std::uint64_t seed);

// Runs every case `warmups` times (in order, without an iteration number), then `order`. `run_case` gets the
// case and the iteration, nothing during warm-up; `after_iteration` is for progress.
void run_interleaved(Grid<std::int32_t, 2> const& order, std::size_t warmups,
                     std::function<void(std::size_t, std::optional<std::size_t>)> const& run_case,
                     std::function<void()> const& after_iteration);

}  // namespace moewire
