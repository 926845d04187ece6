// htsim's traffic matrix and fat tree (.cm, .topo).
//
// Source: Broadcom/csg-htsim, `sim/datacenter/connection_matrix.cpp` and `fat_tree_topology.cpp`: a tree of
// two tiers at least; a switch has radix_down x speed / (speed above x oversubscription) uplinks, a whole
// number.
#include <cmath>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/registry.hpp"
#include "simulate/export.hpp"

namespace moewire {
namespace {

std::string connections(Grid<std::uint64_t, 2> const& bytes) {
    std::string lines;
    std::size_t count = 0;
    auto const n = bytes.extent(0);
    for (std::size_t source = 0; source < n; ++source) {
        for (std::size_t step = 1; step < n; ++step) {
            auto const destination = (source + step) % n;
            if (bytes(source, destination) == 0) continue;
            lines += fmt::format("{}->{} id {} start 0 size {}\n", source, destination, ++count,
                                 bytes(source, destination));
        }
    }
    return fmt::format("Nodes {}\nConnections {}\n", n, count) + lines;
}

Error cannot(std::string const& why) {
    return input_error("export",
                       "htsim's fat tree cannot say this machine: " + why + "; export ns3, or take another");
}

struct Tree {
    int per_node = 0, nodes = 1, uplinks = 0;
    double rank_gbit_per_s = 0, card_gbit_per_s = 0, latency_ns = 0;
    std::uint64_t oversubscription = 1;
};

Tree tree_of(Topology const& topology) {
    auto const& m = topology.machine();
    if (!m.dimensions.empty() || !m.sites.empty()) throw cannot("it has dimensions or sites");
    if (m.leaf && (m.leaf->up_bytes_per_s || m.leaf->oversubscription.value_or(1) != 1))
        throw cannot("its leaves are oversubscribed, and node and leaf are two tiers already");
    auto const graph = link_graph(topology);
    if (graph.ranks_per_node == 0) throw cannot("its nodes differ in size");
    Tree tree;
    tree.per_node = graph.ranks_per_node;
    tree.nodes = topology.nodes();
    tree.latency_ns = std::round(m.latency_s * 1e9 / 4);
    tree.rank_gbit_per_s = graph.cables.front().bytes_per_s * 8 / 1e9;
    tree.card_gbit_per_s = tree.rank_gbit_per_s;
    tree.uplinks = tree.per_node;
    if (tree.nodes == 1) return tree;
    tree.card_gbit_per_s = m.nic_out_bytes_per_s.value_or(unlimited_bytes_per_s) * 8 / 1e9;
    tree.uplinks = m.nics_per_node;
    double const over = tree.per_node * tree.rank_gbit_per_s / (tree.uplinks * tree.card_gbit_per_s);
    if (over != std::floor(over)) {
        throw cannot(fmt::format(
            "a node's ranks carry {:.3g} times what its cards do, which is no whole number", over));
    }
    tree.oversubscription = static_cast<std::uint64_t>(over);
    return tree;
}

std::string topology_text(Tree const& tree) {
    int const ranks = tree.per_node * tree.nodes;
    auto const tier = [&](int number, double gbit_per_s, int down) {
        return fmt::format("\nTier {}\nDownlink_speed_Gbps {}\nRadix_Down {}\n", number, gbit_per_s, down);
    };
    auto const latency = fmt::format("Downlink_Latency_ns {}\nSwitch_Latency_ns 0\n",
                                     static_cast<std::uint64_t>(tree.latency_ns));
    return fmt::format("Nodes {}\nTiers 2\nPodsize {}\n", ranks, ranks) +
           tier(0, tree.rank_gbit_per_s, tree.per_node) + fmt::format("Radix_Up {}\n", tree.uplinks) +
           (tree.oversubscription > 1 ? fmt::format("Oversubscribed {}\n", tree.oversubscription) : "") +
           latency + tier(1, tree.card_gbit_per_s, tree.nodes) + latency;
}

std::vector<ExportFile> write(Scenario const& scenario, std::string const& name) {
    return {{name + ".cm", connections(scenario.bytes)},
            {name + ".topo", topology_text(tree_of(scenario.topology))}};
}

Grid<std::uint64_t, 2> read_connections(ExportFile const& file) {
    auto const lines = lines_of(file.content, "#");
    auto const promised = [&](std::size_t i, std::string_view key) {
        auto const words = i < lines.size() ? words_of(lines[i].text) : std::vector<std::string_view>();
        if (words.size() != 2 || words[0] != key)
            throw export_error(file, static_cast<int>(i) + 1, fmt::format("is not '{} N'; add it", key));
        return words[1];
    };
    auto const n = rank_count(promised(0, "Nodes"), file, lines.empty() ? 1 : lines[0].number);
    auto const count = whole_number(promised(1, "Connections"), file, lines[1].number);
    Grid<std::uint64_t, 2> bytes(n, n);
    for (std::size_t i = 2; i < lines.size(); ++i) {
        auto const words = words_of(lines[i].text);
        int const line = lines[i].number;
        auto const arrow = words[0].find("->");
        if (arrow == std::string_view::npos || words.size() != 7 || words[5] != "size")
            throw export_error(file, line, "is no connection (a->b id i start t size s); correct it");
        add_bytes(bytes, whole_number(words[0].substr(0, arrow), file, line),
                  whole_number(words[0].substr(arrow + 2), file, line), whole_number(words[6], file, line),
                  file, line);
    }
    if (lines.size() != count + 2)
        throw export_error(
            file, 2, fmt::format("promises {} connections, {} follow; correct it", count, lines.size() - 2));
    return bytes;
}

// Of the `skip`-th line with that key.
double value_of(ExportFile const& file, std::string_view key, int skip) {
    for (auto const& line : lines_of(file.content, "#")) {
        auto const words = words_of(line.text);
        if (words.size() == 2 && words[0] == key && skip-- == 0)
            return decimal_number(words[1], "", file, line.number);
    }
    throw export_error(file, 1, fmt::format("says nothing of {}; add it", key));
}

int count_of(ExportFile const& file, std::string_view key, int skip) {
    double const value = value_of(file, key, skip);
    if (value < 1 || value > 1e6)
        throw export_error(file, 1, fmt::format("{} is {}; correct it", key, value));
    return static_cast<int>(value);
}

// The tree as cables: ranks to their switch, uplinks of every switch to one core.
LinkGraph read_tree(ExportFile const& file) {
    LinkGraph graph;
    graph.ranks = count_of(file, "Nodes", 0);
    graph.ranks_per_node = count_of(file, "Radix_Down", 0);
    graph.node_switches = count_of(file, "Radix_Down", 1);
    if (graph.ranks == 0 || graph.ranks != graph.ranks_per_node * graph.node_switches)
        throw export_error(file, 1, "its radices do not make its nodes; correct them");
    double const rank_bytes_per_s = value_of(file, "Downlink_speed_Gbps", 0) * 1e9 / 8,
                 card_bytes_per_s = value_of(file, "Downlink_speed_Gbps", 1) * 1e9 / 8;
    int const uplinks = count_of(file, "Radix_Up", 0);
    int const core = graph.ranks + graph.node_switches;
    graph.vertices = core + 1;
    for (int rank = 0; rank < graph.ranks; ++rank)
        graph.cables.push_back({rank, graph.ranks + rank / graph.ranks_per_node, rank_bytes_per_s, 0});
    // The format wants a second tier even above a single switch, where nothing crosses it.
    if (graph.node_switches == 1) {
        graph.vertices = core;
        return graph;
    }
    for (int node = 0; node < graph.node_switches; ++node)
        for (int i = 0; i < uplinks; ++i)
            graph.cables.push_back({graph.ranks + node, core, card_bytes_per_s, 0});
    return graph;
}

Imported read(std::vector<ExportFile> const& files) {
    auto const bytes = read_connections(files.at(0));
    return {bytes, files.size() > 1 ? std::optional(read_tree(files[1])) : std::nullopt};
}

bool const registered =
    register_in<TrafficExport>("htsim", "htsim's connection matrix and fat tree of two tiers (.cm, .topo).",
                               {{".cm", ".topo"}, write, read});

}  // namespace
}  // namespace moewire
