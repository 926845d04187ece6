#include "system/node_map.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/machine.hpp"

namespace moewire {

namespace {

// Equal names get "#2", "#3" behind them, in the order of their nodes.
void tell_apart(std::vector<std::string>& hosts) {
    std::map<std::string, int> seen;
    for (auto& host : hosts) {
        int const times = ++seen[host];
        if (times > 1) host += "#" + std::to_string(times);
    }
}

}  // namespace

int NodeMap::place_of(RankId rank) const {
    auto const node = node_of_rank[index_of(rank)];
    return static_cast<int>(std::count(
        node_of_rank.begin(), node_of_rank.begin() + static_cast<std::ptrdiff_t>(index_of(rank)), node));
}

int NodeMap::ranks_with(RankId rank) const {
    return static_cast<int>(
        std::count(node_of_rank.begin(), node_of_rank.end(), node_of_rank[index_of(rank)]));
}

NodeMap node_map_of(Communicator const& world) {
    auto const machine = this_machine();
    // Cloned machines have one name and two boot ids; containers and emulated hosts share a boot id, but have
    // names or networks of their own.
    auto const hosts = world.gather(machine.host + "\n" + machine.boot_id + "\n" + machine.network);
    NodeMap map;
    if (world.is_root()) {
        std::map<std::string, int> index;
        for (auto const& host : hosts)
            map.node_of_rank.push_back(index.emplace(host, static_cast<int>(index.size())).first->second);
        map.host_of_node.resize(index.size());
        for (auto const& [host, node] : index)
            map.host_of_node[static_cast<std::size_t>(node)] = host.substr(0, host.find('\n'));
        tell_apart(map.host_of_node);
    }
    auto const names = world.broadcast(fmt::format("{}", fmt::join(map.host_of_node, "\n")));
    std::istringstream lines(names);
    map.host_of_node.clear();
    for (std::string host; std::getline(lines, host);) map.host_of_node.push_back(host);
    world.broadcast(map.node_of_rank);
    map.nodes = *std::max_element(map.node_of_rank.begin(), map.node_of_rank.end()) + 1;
    map.cores = static_cast<int>(world.min(std::int64_t{machine.cores}));
    return map;
}

}  // namespace moewire
