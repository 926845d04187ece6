// What does the machine look like to the tokens? Ranks on nodes, and the resources that their bytes cross.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"

namespace moewire {

// A described machine, for any number of ranks: what a topology file says. Absent values limit nothing.
// Unit: bytes per second and seconds. Capacities must be upper limits: bounds are computed from them.
struct MachineDescription {
    std::string name;
    std::string description;
    std::optional<double> rank_out_bytes_per_s;     // a rank's own port, out
    std::optional<double> rank_in_bytes_per_s;      // and in
    std::optional<int> ranks_per_node;              // absent: as the ranks were started
    std::optional<double> node_memory_bytes_per_s;  // all traffic inside one node together
    std::optional<double> nic_out_bytes_per_s;      // one node to all others
    std::optional<double> nic_in_bytes_per_s;
    double latency_s = 0;  // of one message
};

// Reads our TOML (bench/topologies). Throws: usage (source "topology"), naming file and key.
MachineDescription read_machine(std::filesystem::path const& toml);

// Something that bytes share while they cross it.
struct Resource {
    std::string name;  // "rank 3 in", "node 0 memory"
    double capacity_bytes_per_s = 0;
};

// A described machine with a fixed number of ranks on it.
class Topology {
  public:
    // `node_of_rank` says where each rank runs; used unless the description fixes ranks_per_node.
    Topology(MachineDescription description, std::vector<int> const& node_of_rank);

    MachineDescription const& machine() const { return machine_; }
    int ranks() const { return static_cast<int>(node_of_rank_.size()); }
    int node_of(RankId rank) const { return node_of_rank_[index_of(rank)]; }
    std::vector<Resource> const& resources() const { return resources_; }

    // Indices into resources() that a byte from source to destination crosses; empty for a rank's own bytes.
    std::vector<std::size_t> path(RankId source, RankId destination) const;

  private:
    std::size_t add(std::string name, double capacity_bytes_per_s);

    MachineDescription machine_;
    std::vector<int> node_of_rank_;
    std::vector<Resource> resources_;
    // Index of the resource of each rank or node; empty where the description gives no capacity.
    std::vector<std::size_t> rank_out_, rank_in_, node_memory_, nic_out_, nic_in_;
};

}  // namespace moewire
