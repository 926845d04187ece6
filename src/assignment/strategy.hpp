// How is a plan made? The interface of every placement and replication in strategies/.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "assignment/assignment.hpp"
#include "routing/routing.hpp"

namespace moewire {

enum class Family { placement, replication };
std::string_view name_of(Family family);

// What a strategy may look at: the demand of the plan text alone, never that of the test text.
struct PlanRequest {
    Demand const& demand;  // Shape: [layer, source rank, expert]
    int ranks = 1;
    std::uint64_t seed = 0;
};

// A strategy is a pure function: the same request gives the same plan on every rank and every machine.
struct Strategy {
    static constexpr char const* catalogue = "assignment/strategies";
    Family family = Family::placement;
    std::function<Assignment(PlanRequest const&)> plan;
};

// Throws: usage, when there are fewer experts than ranks (a rank would hold none).
Assignment make_plan(std::string_view strategy, PlanRequest const& request);

// Slots of each rank when experts do not divide evenly: the first experts % ranks ranks hold one more.
std::vector<std::int32_t> even_capacities(std::int32_t experts, int ranks);

}  // namespace moewire
