// Which boxes and cables is a machine made of? The same machine as a graph, for packet simulators.
#pragma once

#include <vector>

#include "topology/topology.hpp"

namespace moewire {

// What stands for a cable without a limit, where a format wants a number.
inline constexpr double unlimited_bytes_per_s = 1e14;

// Both directions alike: the slower one of the description.
struct Cable {
    int a = 0, b = 0;
    double bytes_per_s = 0;
    double latency_s = 0;
    friend bool operator==(Cable const&, Cable const&) = default;
};

// Vertices 0 .. ranks-1 are ranks; behind them come `node_switches`, one a node, then all others.
struct LinkGraph {
    int ranks = 0;
    int vertices = 0;
    int ranks_per_node = 0;  // 0 where nodes differ
    int node_switches = 0;
    std::vector<Cable> cables;
    friend bool operator==(LinkGraph const&, LinkGraph const&) = default;
};

// Rank - switch of its node - leaf or core - core of its site - other sites; sockets and the shared memory of
// a node have no cable and are left out. Half of the machine's latency lies on each end's cable.
LinkGraph link_graph(Topology const& topology);

// Is every rank joined with every other?
bool is_connected(LinkGraph const& graph);

}  // namespace moewire
