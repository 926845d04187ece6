// What does every row of a replay say of itself, and what does its receiver expect?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assignment/assignment.hpp"
#include "measure/payload.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {

// A row is for one expert, named by its id, or for several, named by a hash of their set. Both ends work it
// out on their own: the sender from its picks, the receiver from its plan.

// The stamp of every sent row. `assignment_row` holds the token; padding has a stamp of its own.
// Shape of `picks`: [token, choice] of one layer; the result: [sent row].
std::vector<RowStamp> questions_of(DispatchPlan const& plan, Assignment const& assignment, LayerId layer,
                                   RankId source, std::span<std::int32_t const> picks, std::size_t top_k);

// What the field `expert` of every received row must be. Shape: [received row].
std::vector<std::uint32_t> served_experts(DispatchPlan const& plan, Assignment const& assignment,
                                          LayerId layer, RankId rank);

}  // namespace moewire
