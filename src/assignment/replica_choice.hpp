// Which copy of an expert does a row go to? The interface of every rule in replica_choices/.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "assignment/assignment.hpp"
#include "routing/routing.hpp"

namespace moewire {

// The rows that one source sends to one expert with several copies.
struct CopyRequest {
    Assignment const& assignment;
    LayerId layer;
    RankId source;
    ExpertId expert;
    std::span<std::int32_t const> copies;  // slots, ascending; two or more
};

// A file in replica_choices/. Fills the slot of each row, in token order. Pure: counts can be computed ahead
// from the number of rows alone, which is how traffic is predicted.
struct ReplicaChoice {
    static constexpr char const* catalogue = "assignment/replica_choices";
    std::function<void(CopyRequest const&, std::span<std::int32_t> slot_of_row)> choose;
};

// The slot of each of a source's picks of one layer. Shape of `picks`: [row], an expert or no_pick; the
// result has no_slot where the pick is no_pick.
std::vector<std::int32_t> choose_slots(Assignment const& assignment, LayerId layer, RankId source,
                                       std::span<std::int32_t const> picks);

// How many of `rows` rows of a source each copy of the expert gets. Shape: [copy], as copies_of.
std::vector<std::int64_t> split_rows(Assignment const& assignment, LayerId layer, RankId source,
                                     ExpertId expert, std::int64_t rows);

}  // namespace moewire
