// The physical topology that ASTRA-sim's ns-3 front end reads.
//
// Source: astra-sim's ns-3 backend: "vertices switches cables", the switches' numbers, then a cable a line.
#include <fmt/format.h>

#include "base/registry.hpp"
#include "simulate/export.hpp"

namespace moewire {
namespace {

std::vector<ExportFile> write(Scenario const& scenario, std::string const& name) {
    auto const graph = link_graph(scenario.topology);
    std::string text =
        fmt::format("{} {} {}\n", graph.vertices, graph.vertices - graph.ranks, graph.cables.size());
    for (int i = graph.ranks; i < graph.vertices; ++i)
        text += fmt::format("{}{}", i > graph.ranks ? " " : "", i);
    return {{name + ".ns3.txt", text + "\n" + cable_lines(graph)}};
}

Imported read(std::vector<ExportFile> const& files) {
    auto const& file = files.at(0);
    auto const lines = lines_of(file.content, "#");
    auto const head = lines.empty() ? std::vector<std::string_view>() : words_of(lines[0].text);
    if (head.size() != 3)
        throw export_error(file, 1, "does not begin with vertices, switches, cables; add them");
    LinkGraph graph;
    graph.vertices = small_number(head[0], file, 1);
    int const switches = small_number(head[1], file, 1);
    graph.ranks = graph.vertices - switches;
    // Without switches their line is empty, hence not among the lines.
    read_cables(graph, lines, switches > 0 ? 2 : 1, whole_number(head[2], file, 1), file);
    return {std::nullopt, graph};
}

bool const registered = register_in<TrafficExport>(
    "ns3", "Physical topology of ASTRA-sim's ns-3 front end: switches and cables (.ns3.txt).",
    {{".ns3.txt"}, write, read});

}  // namespace
}  // namespace moewire
