// Where does a run come from? The root, topology and model records of a trace.
#pragma once

#include <string>
#include <vector>

#include "bench/evaluation.hpp"
#include "bench/subject.hpp"
#include "simulate/cost_model.hpp"
#include "system/clock.hpp"
#include "topology/topology.hpp"
#include "trace/record.hpp"

namespace moewire {

// Which node each rank runs on, and how many cores the fullest node offers.
struct Placement {
    std::vector<int> node_of_rank;
    int nodes = 1;
    int cores = 1;  // of one node, the least
};
// Collective: all ranks. The same on all ranks.
Placement placement_of_ranks(Communicator const& world);

// Collective: all ranks. The described machine of `name` (a file in bench/topologies, or a file), or with
// "probe" this very host: all bytes inside a node cross its memory, which carries at most what all its cores
// can copy from cache to cache.
Topology find_topology(Communicator const& world, std::string const& name, Placement const& placement);

Record root_record(Context const& context, Placement const& placement,
                   std::vector<ClockOffset> const& offsets, std::string const& transport, std::uint64_t seed);
Record topology_record(Topology const& topology);
Record model_record(Subject const& subject, std::vector<Evaluation> const& evaluations);

}  // namespace moewire
