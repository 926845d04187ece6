// The topology that SimAI's ns-3 reads: as ASTRA-sim's, with the switches inside nodes counted apart.
//
// Source: aliyun/SimAI, `astra-sim-alibabacloud/inputs/topo`: "vertices GPUs_per_server node_switches
// other_switches cables GPU_type", the switches' numbers, then a cable a line. The GPU only selects SimAI's
// own tables of compute, which no exchange asks.
#include <fmt/format.h>

#include "base/registry.hpp"
#include "simulate/export.hpp"

namespace moewire {
namespace {

std::vector<ExportFile> write(Scenario const& scenario, std::string const& name) {
    auto const graph = link_graph(scenario.topology);
    if (graph.ranks_per_node == 0) {
        throw input_error("export",
                          "SimAI's topology knows servers of one size (this machine has nodes of several, or "
                          "none); export ns3");
    }
    std::string text =
        fmt::format("{} {} {} {} {} {}\n", graph.vertices, graph.ranks_per_node, graph.node_switches,
                    graph.vertices - graph.ranks - graph.node_switches, graph.cables.size(), "H100");
    for (int i = graph.ranks; i < graph.vertices; ++i)
        text += fmt::format("{}{}", i > graph.ranks ? " " : "", i);
    return {{name + ".simai.txt", text + "\n" + cable_lines(graph)}};
}

Imported read(std::vector<ExportFile> const& files) {
    auto const& file = files.at(0);
    auto const lines = lines_of(file.content, "#");
    auto const head = lines.empty() ? std::vector<std::string_view>() : words_of(lines[0].text);
    if (head.size() != 6) throw export_error(file, 1, "does not begin with five numbers and a GPU; add them");
    LinkGraph graph;
    graph.vertices = small_number(head[0], file, 1);
    graph.ranks_per_node = small_number(head[1], file, 1);
    graph.node_switches = small_number(head[2], file, 1);
    graph.ranks = graph.vertices - graph.node_switches - small_number(head[3], file, 1);
    read_cables(graph, lines, 2, whole_number(head[4], file, 1), file);
    return {std::nullopt, graph};
}

bool const registered = register_in<TrafficExport>(
    "simai", "Topology of SimAI's ns-3: servers, their switches, the network (.simai.txt).",
    {{".simai.txt"}, write, read});

}  // namespace
}  // namespace moewire
