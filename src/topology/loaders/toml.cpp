// Our own description of a machine (bench/topologies).
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "topology/machine.hpp"
#include "topology/section.hpp"

namespace moewire {
namespace {

toml::table parse(std::string const& content, std::string const& file) {
    try {
        return toml::parse(content, file);
    } catch (toml::parse_error const& error) {
        throw input_error("topology", fmt::format("{} line {}: {} (not valid TOML); repair it", file,
                                                  error.source().begin.line, error.description()));
    }
}

Section table_of(toml::table const& root, std::string const& name, std::string const& file) {
    if (root.contains(name) && root[name].as_table() == nullptr)
        throw input_error("topology", fmt::format("{}: {} is no table; write [{}]", file, name, name));
    return {root[name].as_table(), name, file};
}

std::vector<Section> tables_of(toml::table const& root, std::string const& name, std::string const& file) {
    std::vector<Section> all;
    if (!root.contains(name)) return all;
    auto const* list = root[name].as_array();
    if (list == nullptr) {
        throw input_error("topology",
                          fmt::format("{}: {} is no list of tables; write [[{}]]", file, name, name));
    }
    for (auto const& entry : *list)
        all.emplace_back(entry.as_table(), fmt::format("{}[{}]", name, all.size()), file);
    return all;
}

void read_rank(Section const& rank, MachineDescription& m) {
    rank.allow_only({"out_bytes_per_s", "in_bytes_per_s", "network"});
    m.rank_out_bytes_per_s = rank.positive("out_bytes_per_s");
    m.rank_in_bytes_per_s = rank.positive("in_bytes_per_s");
    m.network = static_cast<NetworkAccess>(rank.word("network", {"through_port", "past_port"}));
}

void read_node(Section const& node, MachineDescription& m) {
    node.allow_only(
        {"ranks", "memory_bytes_per_s", "nic_out_bytes_per_s", "nic_in_bytes_per_s", "nics", "nic_of_rank"});
    if (node.is_list("ranks")) {
        m.ranks_of_node = node.counts("ranks", 1);
    } else {
        m.ranks_per_node = node.count("ranks");
    }
    m.node_memory_bytes_per_s = node.positive("memory_bytes_per_s");
    m.nic_out_bytes_per_s = node.positive("nic_out_bytes_per_s");
    m.nic_in_bytes_per_s = node.positive("nic_in_bytes_per_s");
    m.nics_per_node = node.count("nics").value_or(1);
    m.nic_of_rank = node.counts("nic_of_rank", 0);
}

void read_groups(Section const& socket, Section const& leaf, MachineDescription& m) {
    socket.allow_only({"ranks", "out_bytes_per_s", "in_bytes_per_s"});
    if (socket.is_there()) {
        m.socket = Socket{static_cast<int>(socket.required("ranks")), socket.positive("out_bytes_per_s"),
                          socket.positive("in_bytes_per_s")};
        m.socket->ranks = *socket.count("ranks");
    }
    leaf.allow_only(
        {"nodes", "wiring", "crossing", "up_bytes_per_s", "down_bytes_per_s", "oversubscription"});
    if (!leaf.is_there()) return;
    leaf.required("nodes");
    m.leaf = Leaf{*leaf.count("nodes"),
                  static_cast<Wiring>(leaf.word("wiring", {"node", "rail"})),
                  static_cast<RailCrossing>(leaf.word("crossing", {"spine", "forwarded"})),
                  leaf.positive("up_bytes_per_s"),
                  leaf.positive("down_bytes_per_s"),
                  leaf.positive("oversubscription")};
}

std::size_t site_of(Section const& link, std::string_view key, std::vector<Site> const& sites) {
    auto const name = link.text(key);
    for (std::size_t i = 0; i < sites.size(); ++i)
        if (sites[i].name == name) return i;
    throw link.wrong(key, fmt::format("names '{}', which is no site of this file", name),
                     "add that [[site]], or correct the name");
}

void read_sites(std::vector<Section> const& sites, std::vector<Section> const& links, MachineDescription& m) {
    for (auto const& site : sites) {
        site.allow_only({"name", "nodes"});
        for (auto const& other : m.sites) {
            if (other.name != site.text("name")) continue;
            throw site.wrong("name", fmt::format("is '{}' again", other.name),
                             "give every site its own name");
        }
        site.required("nodes");
        m.sites.push_back({site.text("name"), *site.count("nodes")});
    }
    for (auto const& link : links) {
        link.allow_only(
            {"from", "to", "bytes_per_s", "back_bytes_per_s", "latency_s", "window_bytes", "connections"});
        SiteLink one;
        one.from = site_of(link, "from", m.sites);
        one.to = site_of(link, "to", m.sites);
        one.out_bytes_per_s = link.required("bytes_per_s");
        one.back_bytes_per_s = link.positive("back_bytes_per_s").value_or(one.out_bytes_per_s);
        one.latency_s = link.positive("latency_s").value_or(0);
        one.window_bytes = link.positive("window_bytes");
        one.connections = link.count("connections").value_or(1);
        if (one.window_bytes && one.latency_s <= 0)
            throw link.wrong("window_bytes", "needs latency_s (a window limits by the round trip)", "add it");
        m.site_links.push_back(one);
    }
}

void read_dimensions(std::vector<Section> const& dimensions, MachineDescription& m) {
    for (auto const& one : dimensions) {
        one.allow_only({"kind", "ranks", "bytes_per_s", "latency_s"});
        one.required("ranks");
        one.text("kind");
        m.dimensions.push_back(
            {static_cast<DimensionKind>(one.word("kind", {"ring", "fully_connected", "switch"})),
             *one.count("ranks"), one.required("bytes_per_s"), one.positive("latency_s").value_or(0)});
    }
}

MachineDescription load(std::string const& content, std::string const& file) {
    auto const root = parse(content, file);
    Section const top(&root, "", file);
    top.allow_only({"name", "description", "latency_s", "ranks", "rank", "node", "socket", "leaf", "site",
                    "link", "dimension"});
    MachineDescription m;
    m.name = top.text("name");
    m.description = top.text("description");
    m.latency_s = top.positive("latency_s").value_or(0);
    m.ranks = top.count("ranks");
    read_rank(table_of(root, "rank", file), m);
    read_node(table_of(root, "node", file), m);
    read_groups(table_of(root, "socket", file), table_of(root, "leaf", file), m);
    read_sites(tables_of(root, "site", file), tables_of(root, "link", file), m);
    read_dimensions(tables_of(root, "dimension", file), m);
    return m;
}

bool const registered = register_in<MachineLoader>(
    "toml", "Our own description: ranks, nodes, cards, leaves, sites and links, in TOML (.toml).",
    {[](std::string_view suffix, std::string_view) { return suffix == ".toml"; }, load});

}  // namespace
}  // namespace moewire
