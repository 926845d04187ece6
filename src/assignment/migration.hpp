// Which expert weights have to move, and from where? What a change of plan costs.
#pragma once

#include <cstdint>
#include <vector>

#include "assignment/assignment.hpp"

namespace moewire {

// One expert's weights, copied from a rank that holds them to one that does not.
struct Move {
    ExpertId expert{};
    RankId from{}, to{};
    friend bool operator==(Move const&, Move const&) = default;
};

// Shape: [batch x layer][move]; what must arrive before that layer runs.
using Moves = std::vector<std::vector<Move>>;

// What `to` needs in its layer `at` and the rank does not hold in `from`'s layer `from_layer`. Each copy
// comes from the holder that sends least so far, one on the same node where there is one (`node_of_rank`;
// empty: one node).
std::vector<Move> moves_between(Assignment const& from, LayerId from_layer, Assignment const& to, LayerId at,
                                std::vector<std::int32_t> const& node_of_rank);

// The moves of a plan of several batches. `kept`: a batch finds what the batch before it had; else every
// batch starts from `before` again.
enum class Copies { kept, dropped };
Moves moves_of(Assignment const& before, Assignment const& plan, Copies copies,
               std::vector<std::int32_t> const& node_of_rank);

// Expert copies of `to` that their rank does not hold in `from`: what a change of plan must move, in experts.
// `to` may be several batches of `from`'s layers; then its first batch counts.
std::int64_t moved_experts(Assignment const& from, Assignment const& to);

}  // namespace moewire
