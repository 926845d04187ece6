// Which machines are asked for: as described, with other bandwidths, with other numbers of ranks.
#include <fmt/format.h>

#include "base/error.hpp"
#include "bench/places.hpp"
#include "bench/what_if.hpp"
#include "topology/topology.hpp"

namespace moewire {

MachineDescription machine_asked_for(WhatIfRequest const& r) {
    if (!r.topology.empty()) return read_machine(topology_file(r.topology));
    MachineDescription flat;
    flat.name = "flat";
    flat.description = "The seed study's network: a port for every rank on one switch.";
    flat.rank_out_bytes_per_s = flat.rank_in_bytes_per_s = r.study.network.bandwidth_bytes_per_s;
    flat.latency_s = r.study.network.latency_s;
    return flat;
}

MachineDescription with_bandwidth(MachineDescription machine, double gbit_per_s) {
    if (gbit_per_s <= 0) return machine;
    bool const has_cards = machine.nic_out_bytes_per_s.has_value();
    auto& out = has_cards ? machine.nic_out_bytes_per_s : machine.rank_out_bytes_per_s;
    auto& in = has_cards ? machine.nic_in_bytes_per_s : machine.rank_in_bytes_per_s;
    out = in = gbit_per_s * 1e9 / 8;
    for (auto& dimension : machine.dimensions) dimension.bytes_per_s = gbit_per_s * 1e9 / 8;
    return machine;
}

std::vector<int> rank_counts(WhatIfRequest const& r, MachineDescription const& machine) {
    if (int const given = given_ranks(r)) {
        for (double const asked : r.ranks) {
            if (asked == given) continue;
            throw usage_error(
                fmt::format("--ranks {} for traffic among {} ranks (a matrix cannot be stretched); leave "
                            "--ranks out",
                            asked, given));
        }
        return {given};
    }
    if (r.ranks.empty()) return {machine.ranks.value_or(r.study.num_gpus)};
    std::vector<int> counts;
    for (double const asked : r.ranks) {
        if (!(asked >= 1 && asked <= 4e6) || asked != static_cast<int>(asked))
            throw usage_error(fmt::format("--ranks {} (1 to 4,000,000, whole); give another count", asked));
        counts.push_back(static_cast<int>(asked));
    }
    return counts;
}

}  // namespace moewire
