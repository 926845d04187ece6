#include "topology/topology.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/contract.hpp"

namespace moewire {

Topology::Topology(MachineDescription description, std::vector<int> const& node_of_rank)
    : machine_(std::move(description)), node_of_rank_(node_of_rank) {
    if (machine_.ranks_per_node) {
        for (std::size_t rank = 0; rank < node_of_rank_.size(); ++rank) {
            node_of_rank_[rank] = static_cast<int>(rank) / *machine_.ranks_per_node;
        }
    }
    int const nodes =
        node_of_rank_.empty() ? 0 : *std::max_element(node_of_rank_.begin(), node_of_rank_.end()) + 1;
    auto const add_each = [this](std::vector<std::size_t>& where, int count, auto const& name,
                                 auto const& capacity) {
        for (int i = 0; capacity && i < count; ++i) where.push_back(add(name(i), *capacity));
    };
    add_each(
        rank_out_, ranks(), [](int r) { return fmt::format("rank {} out", r); },
        machine_.rank_out_bytes_per_s);
    add_each(
        rank_in_, ranks(), [](int r) { return fmt::format("rank {} in", r); }, machine_.rank_in_bytes_per_s);
    add_each(
        node_memory_, nodes, [](int n) { return fmt::format("node {} memory", n); },
        machine_.node_memory_bytes_per_s);
    add_each(
        nic_out_, nodes, [](int n) { return fmt::format("node {} NIC out", n); },
        machine_.nic_out_bytes_per_s);
    add_each(
        nic_in_, nodes, [](int n) { return fmt::format("node {} NIC in", n); }, machine_.nic_in_bytes_per_s);
}

std::size_t Topology::add(std::string name, double capacity_bytes_per_s) {
    resources_.push_back({std::move(name), capacity_bytes_per_s});
    return resources_.size() - 1;
}

std::vector<std::size_t> Topology::path(RankId source, RankId destination) const {
    std::vector<std::size_t> crossed;
    if (source == destination) return crossed;
    auto const cross = [&](std::vector<std::size_t> const& where, std::size_t index) {
        if (!where.empty()) crossed.push_back(where[index]);
    };
    auto const from = static_cast<std::size_t>(node_of(source)),
               to = static_cast<std::size_t>(node_of(destination));
    cross(rank_out_, index_of(source));
    if (from == to) {
        cross(node_memory_, from);
    } else {
        cross(nic_out_, from);
        cross(nic_in_, to);
    }
    cross(rank_in_, index_of(destination));
    return crossed;
}

}  // namespace moewire
