// Exchanges written for other simulators, and read again before anybody believes them.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/registry.hpp"
#include "bench/what_if.hpp"
#include "simulate/export.hpp"
#include "traffic/matrix_file.hpp"

namespace moewire {
namespace {

// A format describes one machine.
int one_rank_count(WhatIfRequest const& r, MachineDescription const& machine) {
    auto const counts = rank_counts(r, machine);
    if (counts.size() > 1 || r.bandwidths.size() > 1)
        throw usage_error("--export with several --ranks or --bandwidths (which machine?); give one of each");
    if (static_cast<std::size_t>(counts.front()) > most_matrix_ranks)
        throw usage_error(fmt::format("--export of {} ranks (at most {}); ask for fewer", counts.front(),
                                      most_matrix_ranks));
    return counts.front();
}

}  // namespace

std::string write_exports(WhatIfRequest const& r) {
    if (r.export_format.empty()) return "";
    auto const& format = Registry<TrafficExport>::instance().at(r.export_format).value;
    auto const described = machine_asked_for(r);
    int const ranks = one_rank_count(r, described);
    Topology const topology(with_bandwidth(described, r.bandwidths.empty() ? 0 : r.bandwidths.front()),
                            std::vector<int>(static_cast<std::size_t>(ranks), 0));
    std::vector<std::int32_t> nodes;
    for (RankId const rank : ids<RankId>(static_cast<std::size_t>(ranks)))
        nodes.push_back(topology.node_of(rank));
    std::string told;
    std::size_t number = 0, files_written = 0, exchanges = 0;
    for (auto const& source : traffic_sources(r, nodes)) {
        for (LayerId const layer : ids<LayerId>(source.expected.layers())) {
            auto const bytes = source.expected.dispatch(layer);
            auto const name = fmt::format("exchange_{}_layer_{}", number, index_of(layer));
            auto const files = format.write({topology, bytes}, name);
            auto const conserved = read_back(format, files, {topology, bytes});
            for (auto const& file : files)
                write_file(std::filesystem::path(r.output_dir) / file.name, file.content);
            files_written += files.size();
            if (++exchanges <= 4)
                told += fmt::format("{}: {}; read back, the same: {}\n", name, source.name, conserved);
        }
        ++number;
    }
    return told + fmt::format("wrote {} files of {} dispatches in {} (a combine is the transpose) below {}\n",
                              files_written, exchanges, r.export_format, r.output_dir);
}

}  // namespace moewire
