#include "topology/topology.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/contract.hpp"

namespace moewire {
namespace {

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

Topology::Topology(MachineDescription description, std::vector<int> const& node_of_rank)
    : machine_(std::move(description)) {
    place_ranks(node_of_rank);
    if (!machine_.dimensions.empty()) {
        add_dimensions();
        return;
    }
    add_nodes();
    add_network();
}

void Topology::place_ranks(std::vector<int> const& started_on) {
    auto const described = machine_.node_of_rank(static_cast<int>(started_on.size()));
    node_of_rank_ = described.empty() ? started_on : described;
    nodes_ = node_of_rank_.empty() ? 0 : *std::max_element(node_of_rank_.begin(), node_of_rank_.end()) + 1;
    ranks_on_node_.resize(at(nodes_));
    for (std::size_t rank = 0; rank < node_of_rank_.size(); ++rank) {
        auto& neighbours = ranks_on_node_[at(node_of_rank_[rank])];
        local_of_rank_.push_back(static_cast<int>(neighbours.size()));
        neighbours.push_back(static_cast<int>(rank));
    }
    for (std::size_t site = 0; site < machine_.sites.size(); ++site) {
        auto const room = at(nodes_) - site_of_node_.size();
        bool const is_last = site + 1 == machine_.sites.size();
        auto const here = is_last ? room : std::min(room, at(machine_.sites[site].nodes));
        site_of_node_.insert(site_of_node_.end(), here, static_cast<int>(site));
    }
    for (std::size_t rank = 0; rank < node_of_rank_.size(); ++rank) places_.push_back(find_place(rank));
}

Place Topology::find_place(std::size_t rank) const {
    Place place;
    place.node = node_of_rank_[rank];
    place.local = local_of_rank_[rank];
    if (machine_.socket) place.socket = place.local / machine_.socket->ranks;
    auto const& chosen = machine_.nic_of_rank;
    auto const neighbours = static_cast<int>(ranks_on_node_[at(place.node)].size());
    // A machine that is only partly filled keeps its cards where they are.
    int const full = std::max(neighbours, machine_.ranks_per_node.value_or(neighbours));
    place.card = chosen.empty() ? place.local * machine_.nics_per_node / full
                                : chosen[at(place.local) % chosen.size()];
    if (!site_of_node_.empty()) place.site = site_of_node_[at(place.node)];
    return place;
}

std::size_t Topology::add(std::string name, double capacity_bytes_per_s) {
    resources_.push_back({std::move(name), capacity_bytes_per_s});
    return resources_.size() - 1;
}

std::vector<std::size_t> Topology::path(RankId source, RankId destination) const {
    std::vector<std::size_t> crossed;
    path_into(source, destination, crossed);
    return crossed;
}

void Topology::path_into(RankId source, RankId destination, std::vector<std::size_t>& crossed) const {
    crossed.clear();
    if (source == destination) return;
    if (!machine_.dimensions.empty()) {
        product_path(source, destination, crossed);
        return;
    }
    bool const is_inside = node_of(source) == node_of(destination);
    bool const by_port = is_inside || machine_.network == NetworkAccess::through_port;
    if (by_port && !rank_out_.empty()) crossed.push_back(rank_out_[index_of(source)]);
    if (is_inside) {
        cross_node(place_of(source), place_of(destination), crossed);
    } else {
        cross_network(source, destination, crossed);
    }
    if (by_port && !rank_in_.empty()) crossed.push_back(rank_in_[index_of(destination)]);
}

void Topology::cross_node(Place const& from, Place const& to, std::vector<std::size_t>& crossed) const {
    auto const node = at(from.node);
    if (machine_.socket && from.socket != to.socket) {
        auto const first = node * at(sockets_per_node_);
        if (!socket_out_.empty()) crossed.push_back(socket_out_[first + at(from.socket)]);
        if (!socket_in_.empty()) crossed.push_back(socket_in_[first + at(to.socket)]);
    }
    if (!node_memory_.empty()) crossed.push_back(node_memory_[node]);
}

int Topology::card_towards(Place const& source, Place const& destination) const {
    bool const is_forwarded = machine_.leaf && machine_.leaf->crossing == RailCrossing::forwarded;
    return is_forwarded ? destination.card : source.card;
}

int Topology::rank_on_card(int node, int card) const {
    for (int const rank : ranks_on_node_[at(node)])
        if (place_of(make_id<RankId>(rank)).card == card) return rank;
    return ranks_on_node_[at(node)].front();
}

int Topology::leaf_of(int node, int card) const {
    if (!machine_.leaf) return -1;
    int const group = node / machine_.leaf->nodes;
    return machine_.leaf->wiring == Wiring::by_node ? group : group * machine_.nics_per_node + card;
}

void Topology::cross_network(RankId source, RankId destination, std::vector<std::size_t>& crossed) const {
    auto const &from = place_of(source), &to = place_of(destination);
    int const card = card_towards(from, to);
    auto const cards = at(machine_.nics_per_node);
    if (card != from.card) {
        // Through the rank that sits on the destination's rail.
        int const helper = rank_on_card(from.node, card);
        if (machine_.network == NetworkAccess::past_port && !rank_out_.empty())
            crossed.push_back(rank_out_[index_of(source)]);
        if (!rank_in_.empty()) crossed.push_back(rank_in_[at(helper)]);
    }
    if (!nic_out_.empty()) crossed.push_back(nic_out_[at(from.node) * cards + at(card)]);
    int const up = leaf_of(from.node, card), down = leaf_of(to.node, to.card);
    if (up != down && !leaf_up_.empty()) crossed.push_back(leaf_up_[at(up)]);
    for (auto const& [link, is_forward] : route(from.site, to.site))
        crossed.push_back(is_forward ? link_out_[link] : link_back_[link]);
    if (up != down && !leaf_down_.empty()) crossed.push_back(leaf_down_[at(down)]);
    if (!nic_in_.empty()) crossed.push_back(nic_in_[at(to.node) * cards + at(to.card)]);
}

double Topology::latency_s(RankId source, RankId destination) const {
    if (source == destination) return 0;
    double latency_s = machine_.latency_s;
    for (auto const& [link, is_forward] : route(place_of(source).site, place_of(destination).site))
        latency_s += machine_.site_links[link].latency_s;
    std::size_t stride = 1;
    for (auto const& dimension : machine_.dimensions) {
        auto const count = at(dimension.ranks);
        auto const from = index_of(source) / stride % count, to = index_of(destination) / stride % count;
        auto const forward = (to + count - from) % count;
        auto const ring_hops = std::min(forward, count - forward);
        auto const hops = dimension.kind == DimensionKind::ring ? ring_hops : std::size_t{from != to};
        latency_s += static_cast<double>(hops) * dimension.latency_s;
        stride *= count;
    }
    return latency_s;
}

std::vector<Topology::Crossing> Topology::route(int from_site, int to_site) const {
    // A depth-first walk over the tree of sites; there are few.
    std::vector<Crossing> way;
    auto const walk = [&](auto const& self, std::size_t here, std::size_t came_by) -> bool {
        if (here == at(to_site)) return true;
        for (std::size_t i = 0; i < machine_.site_links.size(); ++i) {
            auto const& link = machine_.site_links[i];
            if (i == came_by || (link.from != here && link.to != here)) continue;
            bool const is_forward = link.from == here;
            way.push_back({i, is_forward});
            if (self(self, is_forward ? link.to : link.from, i)) return true;
            way.pop_back();
        }
        return false;
    };
    if (from_site != to_site) walk(walk, at(from_site), machine_.site_links.size());
    return way;
}

}  // namespace moewire
