// How are loads put on ranks? Packing steps that several strategies share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assignment/assignment.hpp"

namespace moewire {

// Longest processing time first under a limit of items: heaviest first, each to the least loaded bin that has
// a free place; ties go to the first. Shape: [item] -> bin. As many places as items at least.
// Source: balanced_packing of deepseek-ai/EPLB (eplb.py); bound: Graham 1969.
std::vector<std::int32_t> pack(std::span<double const> load, std::vector<std::int32_t> places);

// The item of each slot when every item gets one and each further slot goes to the item with the largest load
// per copy; ties go to the first. Shape: [slot] -> item. Source: replicate_experts of deepseek-ai/EPLB.
std::vector<std::int32_t> replicate(std::span<double const> load, std::size_t slots);

// Loads of bins. Shape: [bin].
std::vector<double> bin_loads(std::span<double const> load, std::span<std::int32_t const> bin_of_item,
                              std::size_t bins);

// Sets the share of its expert's load that every slot should take so that the busiest rank has as little as
// possible: each expert in turn is poured onto its ranks to one level, until nothing moves. Converges to the
// minimum of the sum of squares, which is also that of the maximum (the loads that can be reached form the
// base of a submodular function).
void level_shares(std::span<double const> load, std::span<PlacedSlot> slots, int ranks);

}  // namespace moewire
