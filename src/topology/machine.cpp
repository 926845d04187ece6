#include "topology/machine.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/registry.hpp"

namespace moewire {

double SiteLink::capacity_bytes_per_s(double wire_bytes_per_s) const {
    if (!window_bytes || latency_s <= 0) return wire_bytes_per_s;
    return std::min(wire_bytes_per_s, connections * *window_bytes / (2 * latency_s));
}

std::vector<int> MachineDescription::node_of_rank(int ranks) const {
    std::vector<int> nodes;
    if (!dimensions.empty()) return std::vector<int>(static_cast<std::size_t>(ranks), 0);
    if (!ranks_per_node && ranks_of_node.empty()) return nodes;
    for (int node = 0; static_cast<int>(nodes.size()) < ranks; ++node) {
        auto const at = std::min<std::size_t>(static_cast<std::size_t>(node), ranks_of_node.size() - 1);
        int const count = ranks_of_node.empty() ? *ranks_per_node : ranks_of_node[at];
        for (int i = 0; i < count && static_cast<int>(nodes.size()) < ranks; ++i) nodes.push_back(node);
    }
    return nodes;
}

MachineDescription read_machine(std::filesystem::path const& file) {
    auto const content = read_file(file);
    for (auto const& loader : Registry<MachineLoader>::instance().entries()) {
        if (!loader.value.reads(file.extension().string(), content)) continue;
        auto machine = loader.value.load(content, file.string());
        check_machine(machine, file.string());
        return machine;
    }
    std::string known;
    for (auto const& loader : Registry<MachineLoader>::instance().entries())
        known += (known.empty() ? "" : ", ") + loader.name;
    throw input_error("topology", file.string() + ": no description of a machine that is known (" + known +
                                      "); name a file of one of these formats");
}

}  // namespace moewire
