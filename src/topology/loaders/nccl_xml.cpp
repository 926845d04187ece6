// What NCCL writes to NCCL_TOPO_DUMP_FILE: the GPUs, links and cards of one node.
//
// Source: NVIDIA/nccl 2.30, `src/graph/xml.cc`: system > cpu > pci > (pci ...) > gpu > nvlink, nic > net.
// NCCL's own bandwidths of links are what it expects to reach; ours are what the links carry on paper,
// because bounds rest on them.
#include <algorithm>
#include <cstring>
#include <pugixml.hpp>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "topology/machine.hpp"

namespace moewire {
namespace {

Error wrong(std::string const& file, std::string const& key, std::string const& problem) {
    return input_error("topology", fmt::format("{}: {} {}", file, key, problem));
}

// One way, of one NVLink, by the compute capability. Source: NVIDIA's data sheets of P100, V100, A100, RTX
// A6000 (112.5 GB/s over 4 links both ways), H100 (900 GB/s over 18) and B200 (1.8 TB/s over 18).
double nvlink_bytes_per_s(int sm) {
    if (sm >= 100) return 50e9;
    if (sm == 86 || sm == 89) return 14.0625e9;
    if (sm >= 70) return 25e9;
    return 20e9;
}

// "16.0 GT/s PCIe" and a width: 8b/10b up to 5 GT/s, 128b/130b from 8 on. Nothing where it is not said.
std::optional<double> pci_bytes_per_s(pugi::xml_node pci) {
    double const transfers_per_s = pci.attribute("link_speed").as_double() * 1e9;
    double const lanes = pci.attribute("link_width").as_double();
    if (!(transfers_per_s > 0) || !(lanes > 0)) return std::nullopt;
    return transfers_per_s * lanes / 8 * (transfers_per_s > 6e9 ? 128.0 / 130 : 0.8);
}

struct Parts {
    std::vector<pugi::xml_node> gpus, cards;
};

bool is_named(pugi::xml_node node, char const* name) {
    return std::strcmp(node.name(), name) == 0;
}

Parts parts_of(pugi::xml_node system) {
    struct Walker : pugi::xml_tree_walker {
        Parts parts;
        bool for_each(pugi::xml_node& node) override {
            if (is_named(node, "gpu")) parts.gpus.push_back(node);
            if (is_named(node, "net") && node.attribute("speed").as_double() > 0) parts.cards.push_back(node);
            return true;
        }
    } walker;
    system.traverse(walker);
    auto const by_number = [](pugi::xml_node a, pugi::xml_node b) {
        return a.attribute("dev").as_int() < b.attribute("dev").as_int();
    };
    std::sort(walker.parts.gpus.begin(), walker.parts.gpus.end(), by_number);
    std::sort(walker.parts.cards.begin(), walker.parts.cards.end(), by_number);
    return walker.parts;
}

double port_bytes_per_s(pugi::xml_node gpu, std::string const& file, bool& is_linked) {
    double links = 0;
    for (auto const link : gpu.children("nvlink")) {
        double const count = link.attribute("count").as_double(1);
        if (!(count > 0))
            throw wrong(file, "nvlink.count", fmt::format("is {}; give a positive number", count));
        links += count;
    }
    is_linked = links > 0;
    if (is_linked) return links * nvlink_bytes_per_s(gpu.attribute("sm").as_int());
    auto const pci = pci_bytes_per_s(gpu.parent());
    if (!pci) {
        throw wrong(file, "pci.link_speed",
                    "says nothing of a GPU without NVLink (its port would have no capacity); dump the "
                    "topology again");
    }
    return *pci;
}

// How many boxes lie around both of two parts: the more, the nearer.
int common_depth(pugi::xml_node a, pugi::xml_node b) {
    std::vector<pugi::xml_node> around;
    for (auto at = a; at; at = at.parent()) around.push_back(at);
    for (auto at = b; at; at = at.parent()) {
        auto const found = std::find(around.begin(), around.end(), at);
        if (found != around.end()) return static_cast<int>(around.end() - found);
    }
    return 0;
}

// Each GPU's nearest card; among equally near ones that which has the fewest so far.
std::vector<int> nearest_cards(Parts const& parts) {
    std::vector<int> nearest, users(parts.cards.size());
    for (auto const gpu : parts.gpus) {
        std::size_t best = 0;
        for (std::size_t i = 1; i < parts.cards.size(); ++i) {
            int const a = common_depth(gpu, parts.cards[i]), b = common_depth(gpu, parts.cards[best]);
            if (a > b || (a == b && users[i] < users[best])) best = i;
        }
        ++users[best];
        nearest.push_back(static_cast<int>(best));
    }
    return nearest;
}

void add_cards(Parts const& parts, MachineDescription& machine) {
    if (parts.cards.empty()) return;
    machine.nics_per_node = static_cast<int>(parts.cards.size());
    machine.nic_of_rank = nearest_cards(parts);
    double fastest = 0;
    // Speeds are Mbit/s. One capacity stands for all cards, and a bound may be too low, never too high.
    for (auto const card : parts.cards)
        fastest = std::max(fastest, card.attribute("speed").as_double() * 1e6 / 8);
    machine.nic_out_bytes_per_s = machine.nic_in_bytes_per_s = fastest;
}

MachineDescription load(std::string const& content, std::string const& file) {
    pugi::xml_document document;
    auto const parsed = document.load_buffer(content.data(), content.size());
    if (!parsed) {
        throw wrong(file, fmt::format("byte {}:", parsed.offset),
                    fmt::format("{} (not valid XML); dump the topology again", parsed.description()));
    }
    auto const system = document.child("system");
    if (!system)
        throw wrong(file, "system", "is missing (no NCCL topology); name what NCCL_TOPO_DUMP_FILE wrote");
    auto const parts = parts_of(system);
    if (parts.gpus.empty())
        throw wrong(file, "gpu", "is missing (a machine without GPUs); name another dump");
    MachineDescription machine;
    machine.name = std::filesystem::path(file).stem().string();
    double port = 0;
    bool is_linked = false;
    for (auto const gpu : parts.gpus) {
        bool linked = false;
        port = std::max(port, port_bytes_per_s(gpu, file, linked));
        is_linked = is_linked || linked;
    }
    machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = port;
    machine.network = is_linked ? NetworkAccess::past_port : NetworkAccess::through_port;
    machine.ranks_per_node = static_cast<int>(parts.gpus.size());
    add_cards(parts, machine);
    machine.description = fmt::format("NCCL topology: {} GPUs a node over {}, {} cards.", parts.gpus.size(),
                                      is_linked ? "NVLink" : "PCIe", parts.cards.size());
    return machine;
}

bool const registered = register_in<MachineLoader>(
    "nccl_xml", "Topology that NCCL dumps (NCCL_TOPO_DUMP_FILE): GPUs, links and cards of a node (.xml).",
    {[](std::string_view suffix, std::string_view) { return suffix == ".xml"; }, load});

}  // namespace
}  // namespace moewire
