// What is a machine made of, before anybody says how many ranks run on it? What a topology file describes.
//
// Absent values limit nothing. Unit: bytes per second, seconds. Capacities must be upper limits: bounds are
// computed from them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moewire {

// Which port do bytes for other nodes leave a rank by?
enum class NetworkAccess {
    through_port,  // the rank's own port carries them too
    past_port      // they reach the card by another road (PCIe, where the port is NVLink)
};

// Which cards share a leaf switch?
enum class Wiring {
    by_node,  // all cards of a node
    by_rail   // the cards of one index, over all nodes of the leaf
};

// How do bytes get from one rail to another?
enum class RailCrossing {
    over_spine,  // from the source's card, up to the spine and down again
    forwarded    // inside the source's node to the rank on the destination's rail, then along that rail (PXN)
};

// Switches that nodes hang on.
struct Leaf {
    int nodes = 0;  // on one leaf
    Wiring wiring = Wiring::by_node;
    RailCrossing crossing = RailCrossing::over_spine;
    // All of one leaf to the spine, and back. `oversubscription` says it as what its cards carry over this.
    std::optional<double> up_bytes_per_s, down_bytes_per_s, oversubscription;
};

// Ranks of a node that share a road to the other ranks of it: a PCIe switch, a CPU socket.
struct Socket {
    int ranks = 0;
    std::optional<double> out_bytes_per_s, in_bytes_per_s;
};

// Nodes in one place, in the order of their numbers.
struct Site {
    std::string name;
    int nodes = 0;  // the last site holds all further ones too
};

// A wide-area link between two sites, one capacity a direction.
struct SiteLink {
    std::size_t from = 0, to = 0;  // indices of sites
    double out_bytes_per_s = 0;    // from -> to
    double back_bytes_per_s = 0;
    double latency_s = 0;  // one way
    // A sender has at most a window of bytes under way for each connection: window / round trip.
    std::optional<double> window_bytes;
    double connections = 1;

    double capacity_bytes_per_s(double wire_bytes_per_s) const;
};

// One dimension of a product network: every rank has a place in each; a byte goes along the first dimension
// first.
enum class DimensionKind { ring, fully_connected, switched };
struct Dimension {
    DimensionKind kind = DimensionKind::switched;
    int ranks = 0;
    double bytes_per_s = 0;  // ring, fully_connected: of a link each way; switched: of a rank's port
    double latency_s = 0;    // of a link
};

struct MachineDescription {
    std::string name;
    std::string description;
    std::optional<double> rank_out_bytes_per_s;  // a rank's own port, out
    std::optional<double> rank_in_bytes_per_s;   // and in
    NetworkAccess network = NetworkAccess::through_port;
    std::optional<int> ranks_per_node;              // absent: as the ranks were started
    std::vector<int> ranks_of_node;                 // unequal nodes; the last count repeats
    std::optional<double> node_memory_bytes_per_s;  // all traffic inside one node together
    std::optional<Socket> socket;
    std::optional<double> nic_out_bytes_per_s;  // one card to all other nodes
    std::optional<double> nic_in_bytes_per_s;
    int nics_per_node = 1;
    std::vector<int> nic_of_rank;  // by rank inside its node; empty: spread evenly
    std::optional<Leaf> leaf;
    std::vector<Site> sites;
    std::vector<SiteLink> site_links;   // a tree over the sites
    std::vector<Dimension> dimensions;  // instead of everything above
    double latency_s = 0;               // of one message
    std::optional<int> ranks;           // of the machine as described; others may be asked for

    // Node of each of `ranks` ranks, where the description says it; empty where it does not.
    std::vector<int> node_of_rank(int ranks) const;
};

// A format that describes a machine.
struct MachineLoader {
    static constexpr char const* catalogue = "topology/loaders";
    // Is this file of that format?
    std::function<bool(std::string_view suffix, std::string_view content)> reads;
    // `file` is for messages, and for a name where the format has none.
    std::function<MachineDescription(std::string const& content, std::string const& file)> load;
};

// Reads a machine in any of the formats of loaders/. Throws: usage (source "topology"), naming file and key.
MachineDescription read_machine(std::filesystem::path const& file);

// Throws: usage (source "topology"), naming the file, the key and the reason, for links that no route can be
// made of (cyclic, disconnected, to themselves), and for parts that contradict each other.
void check_machine(MachineDescription const& machine, std::string const& file);

}  // namespace moewire
