// Will this job run well over these hosts? What `moewire doctor` finds of several hosts at once.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "bench/command.hpp"
#include "system/node_map.hpp"

namespace moewire {

struct Finding {
    std::string what, state, advice;  // state: ok, note, missing
    Json values = nullptr;            // the same in numbers, for programs
};

// Collective: all ranks. Complete on rank 0: hosts, network, clocks, versions, limits, eager limits and GPU
// binding; each says what to do where something is amiss. `drift_s`: how long clocks are watched.
std::vector<Finding> cluster_findings(Context const& context, NodeMap const& map, double drift_s);

}  // namespace moewire
