// Where does a run come from? The root, topology and model records of a trace.
#pragma once

#include <string>
#include <vector>

#include "bench/evaluation.hpp"
#include "bench/subject.hpp"
#include "simulate/cost_model.hpp"
#include "system/clock.hpp"
#include "system/node_map.hpp"
#include "topology/topology.hpp"
#include "trace/record.hpp"

namespace moewire {

// Collective: all ranks. The described machine of `name` (a file in bench/topologies, or a file), or with
// "probe" this very host: all bytes inside a node cross its memory, which carries at most what all its cores
// can copy from cache to cache.
Topology find_topology(Communicator const& world, std::string const& name, NodeMap const& map);

Record root_record(Context const& context, NodeMap const& map, std::vector<ClockOffset> const& offsets,
                   std::string const& transport, std::uint64_t seed);
Record topology_record(Topology const& topology);
Record model_record(Subject const& subject, std::vector<Evaluation> const& evaluations);

}  // namespace moewire
