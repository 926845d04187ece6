// What does the machine look like to the tokens? Ranks on nodes, and the resources that their bytes cross.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/grid.hpp"
#include "base/ids.hpp"
#include "topology/machine.hpp"

namespace moewire {

// Something that bytes share while they cross it.
struct Resource {
    std::string name;  // "rank 3 in", "node 0 memory"
    double capacity_bytes_per_s = 0;
};

// Where a rank is.
struct Place {
    int node = 0, local = 0;   // node, and number inside it
    int socket = 0, card = 0;  // inside the node
    int site = 0;
};

// A described machine with a fixed number of ranks on it.
class Topology {
  public:
    // `node_of_rank` says where each rank runs; used unless the description says it.
    // Throws: usage (source "topology"), when the ranks do not fill a product network.
    Topology(MachineDescription description, std::vector<int> const& node_of_rank);

    MachineDescription const& machine() const { return machine_; }
    int ranks() const { return static_cast<int>(node_of_rank_.size()); }
    int nodes() const { return nodes_; }
    int node_of(RankId rank) const { return node_of_rank_[index_of(rank)]; }
    Place const& place_of(RankId rank) const { return places_[index_of(rank)]; }
    std::vector<Resource> const& resources() const { return resources_; }

    // Indices into resources() that a byte from source to destination crosses; empty for a rank's own bytes.
    std::vector<std::size_t> path(RankId source, RankId destination) const;
    // The same into a vector that is used again: for loops over all pairs.
    void path_into(RankId source, RankId destination, std::vector<std::size_t>& crossed) const;

    // Bytes of an exchange that cross each resource: in one pass over a machine of nodes, path by path over a
    // product network. Messages of at most `doubled_most_bytes` count twice. Shape of `bytes`: [source,
    // destination]; of the result: [resource]. `look` is shown each row once, in no order, right after its
    // own reading (a matrix of a thousand ranks is read from memory, and once is what that costs), with what
    // was counted of it, own bytes included. `arrivals` gets what was counted for each rank, own bytes left
    // out.
    using RowLook = std::function<void(std::size_t source, std::span<std::uint64_t const> row,
                                       std::uint64_t counted_bytes)>;
    std::vector<double> crossing_bytes(Grid<std::uint64_t, 2> const& bytes,
                                       std::uint64_t doubled_most_bytes = 0, RowLook const& look = {},
                                       std::vector<std::uint64_t>* arrivals = nullptr) const;

    // Of one message: the machine's, and that of every wide-area link or hop on its way. Unit: seconds.
    double latency_s(RankId source, RankId destination) const;

    // The leaf of a card, counted over the machine; -1 where there are none.
    int leaf_of(int node, int card) const;

    // Wide-area links on the way from one site to another, each with its direction.
    struct Crossing {
        std::size_t link = 0;
        bool is_forward = true;  // from -> to
    };
    std::vector<Crossing> route(int from_site, int to_site) const;

    // The card of its node that bytes from `source` to `destination` leave by.
    int card_towards(Place const& source, Place const& destination) const;

  private:
    friend class CrossingSums;
    Place find_place(std::size_t rank) const;
    std::size_t add(std::string name, double capacity_bytes_per_s);
    void place_ranks(std::vector<int> const& started_on);
    void add_nodes();
    void add_network();
    void add_dimensions();
    void product_path(RankId source, RankId destination, std::vector<std::size_t>& crossed) const;
    void cross_node(Place const& from, Place const& to, std::vector<std::size_t>& crossed) const;
    void cross_network(RankId source, RankId destination, std::vector<std::size_t>& crossed) const;
    int rank_on_card(int node, int card) const;

    MachineDescription machine_;
    std::vector<int> node_of_rank_, local_of_rank_, site_of_node_;
    std::vector<std::vector<int>> ranks_on_node_;
    std::vector<Place> places_;
    int nodes_ = 0, sockets_per_node_ = 0;
    std::vector<Resource> resources_;
    // Index of the resource of each rank, node, card ...; empty where the description gives no capacity.
    std::vector<std::size_t> rank_out_, rank_in_, node_memory_, nic_out_, nic_in_, socket_out_, socket_in_,
        leaf_up_, leaf_down_, link_out_, link_back_, dimension_first_;
};

}  // namespace moewire
