#include "system/node_map.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "system/machine.hpp"

namespace moewire {

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
    // Containers may share a boot id and emulated hosts a boot id too: the host name tells them apart.
    auto const hosts = world.gather(machine.host + "\n" + machine.boot_id);
    NodeMap map;
    if (world.is_root()) {
        std::map<std::string, int> index;
        for (auto const& host : hosts)
            map.node_of_rank.push_back(index.emplace(host, static_cast<int>(index.size())).first->second);
    }
    world.broadcast(map.node_of_rank);
    map.nodes = *std::max_element(map.node_of_rank.begin(), map.node_of_rank.end()) + 1;
    map.cores = static_cast<int>(world.min(std::int64_t{machine.cores}));
    return map;
}

}  // namespace moewire
