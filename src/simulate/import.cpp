// Files for other simulators, read again.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/registry.hpp"
#include "simulate/export.hpp"

namespace moewire {
namespace {

// The format of a file's name, and whether it is the file that holds the traffic.
Registry<TrafficExport>::Entry const* format_of(std::string const& name) {
    for (auto const& format : Registry<TrafficExport>::instance().entries())
        for (auto const& ending : format.value.endings)
            if (name.ends_with(ending)) return &format;
    return nullptr;
}

std::uint64_t crossing(Grid<std::uint64_t, 2> const& bytes, std::size_t source, std::size_t destination) {
    return source == destination ? 0 : bytes(source, destination);
}

// What each vertex can send or receive through its cables. Unit: bytes per second.
std::vector<double> capacities(LinkGraph const& graph) {
    std::vector<double> all(static_cast<std::size_t>(graph.vertices));
    for (auto const& cable : graph.cables)
        for (int const end : {cable.a, cable.b}) all[static_cast<std::size_t>(end)] += cable.bytes_per_s;
    return all;
}

// Ranks and nodes must be there; what stands behind them may be told with fewer boxes, where none of them
// limits.
bool is_same_machine(LinkGraph const& told, LinkGraph const& meant) {
    if (told.ranks != meant.ranks || !is_connected(told)) return false;
    auto const found = capacities(told), expected = capacities(meant);
    bool const is_whole = found.size() == expected.size();
    auto const compared =
        is_whole ? expected.size() : static_cast<std::size_t>(meant.ranks + meant.node_switches);
    if (found.size() < compared) return false;
    for (std::size_t i = 0; i < compared; ++i)
        if (std::abs(found[i] - expected[i]) > 1e-9 * expected[i]) return false;
    return true;
}

Error lost(ExportFile const& file, std::string const& what) {
    return failure("export",
                   fmt::format("{} says {} (it would mislead); please report this", file.name, what));
}

}  // namespace

Grid<std::uint64_t, 2> import_traffic(std::vector<std::filesystem::path> const& paths) {
    auto const* const format = paths.empty() ? nullptr : format_of(paths.front().string());
    if (format == nullptr) {
        std::string known;
        for (auto const& one : Registry<TrafficExport>::instance().entries())
            known += (known.empty() ? "" : ", ") + one.value.endings.front();
        throw input_error("export", fmt::format("{} ends in nothing known ({}); rename it",
                                                paths.empty() ? "" : paths.front().string(), known));
    }
    std::vector<ExportFile> files;
    for (auto const& path : paths) {
        if (format_of(path.string()) != format)
            throw input_error("export",
                              fmt::format("{} is of another format than {} (files of one exchange are "
                                          "wanted); name one format",
                                          path.string(), paths.front().string()));
        files.push_back({path.string(), read_file(path)});
    }
    // The traffic first, as the format writes them.
    std::stable_partition(files.begin(), files.end(), [&](auto const& file) {
        return file.name.ends_with(format->value.endings.front());
    });
    auto const imported = format->value.read(files);
    if (!imported.bytes)
        throw input_error("export",
                          fmt::format("{} describes a machine (nothing moves in it); name files with "
                                      "traffic",
                                      paths.front().string()));
    return *imported.bytes;
}

std::string read_back(TrafficExport const& format, std::vector<ExportFile> const& files,
                      Scenario const& scenario) {
    auto const imported = format.read(files);
    std::string told;
    if (imported.bytes) {
        auto const n = scenario.bytes.extent(0);
        std::uint64_t total = 0, messages = 0;
        if (imported.bytes->extent(0) != n) throw lost(files.front(), "another number of ranks");
        for (std::size_t s = 0; s < n; ++s) {
            for (std::size_t d = 0; d < n; ++d) {
                auto const bytes = crossing(scenario.bytes, s, d);
                if (crossing(*imported.bytes, s, d) != bytes)
                    throw lost(files.front(), fmt::format("another number of bytes from {} to {}", s, d));
                total += bytes;
                messages += bytes > 0 ? 1 : 0;
            }
        }
        told = fmt::format("{} ranks, {} bytes in {} messages", n, total, messages);
    }
    if (imported.machine) {
        auto const& cables = imported.machine->cables;
        if (!is_same_machine(*imported.machine, link_graph(scenario.topology)))
            throw lost(files.back(), "another machine");
        double all = 0;
        for (auto const& cable : cables) all += cable.bytes_per_s;
        told += fmt::format("{}{} cables of {:.4g} GB/s in all", told.empty() ? "" : ", ", cables.size(),
                            all / 1e9);
    }
    return told;
}

}  // namespace moewire
