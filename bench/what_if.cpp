#include "bench/what_if.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"
#include "base/statistics.hpp"
#include "bench/places.hpp"
#include "bench/subject.hpp"
#include "routing/imbalance.hpp"
#include "simulate/marginal.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

// From here on no matrix is written down: it would take gigabytes, and the models hours.
constexpr int most_dense_ranks = 2048;

MachineDescription machine_of(WhatIfRequest const& r) {
    if (!r.topology.empty()) return read_machine(topology_file(r.topology));
    MachineDescription flat;
    flat.name = "flat";
    flat.description = "The seed study's network: a port for every rank on one switch.";
    flat.rank_out_bytes_per_s = flat.rank_in_bytes_per_s = r.study.network.bandwidth_bytes_per_s;
    flat.latency_s = r.study.network.latency_s;
    return flat;
}

// A sweep turns what lies between nodes, or the ports where there are no cards.
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
        if (!(asked >= 1) || asked != static_cast<int>(asked) || asked > 4e6)
            throw usage_error(fmt::format("--ranks {} (1 to 4,000,000, whole); give another count", asked));
        counts.push_back(static_cast<int>(asked));
    }
    return counts;
}

// Dispatch and combine of all layers.
Prediction total_of(CostModel const& model, Traffic const& traffic, Topology const& topology,
                    ModelParameters const& parameters) {
    Prediction total;
    for (LayerId const layer : ids<LayerId>(traffic.layers())) {
        for (auto const& bytes : {traffic.dispatch(layer), traffic.combine(layer)}) {
            auto const one = model.predict({topology, bytes}, parameters);
            total.time_s += one.time_s;
            total.bound_s += one.bound_s;
            total.binding_resource = one.binding_resource;
            total.evidence = one.evidence;
        }
    }
    return total;
}

WhatIfResult result_of(TrafficSource const& source, std::string const& model_name, Topology const& topology,
                       ModelParameters const& parameters) {
    auto const& model = Registry<CostModel>::instance().at(model_name).value;
    auto const total = total_of(model, source.expected, topology, parameters);
    WhatIfResult result;
    result.ranks = topology.ranks();
    result.source = source.name;
    result.strategy = source.strategy;
    result.cost_model = model_name;
    result.imbalance = source.imbalance;
    result.time_s = total.time_s;
    result.bound_s = total.bound_s;
    result.binding_resource = total.binding_resource;
    result.evidence = name_of(total.evidence);
    bool const elsewhere = !source.measured_on.empty() && source.measured_on != topology.machine().name;
    if (elsewhere) result.evidence = "transferred";
    std::vector<double> drawn_s;
    for (auto const& draw : source.draws)
        drawn_s.push_back(total_of(model, draw, topology, parameters).time_s);
    result.draws = static_cast<std::int64_t>(drawn_s.size());
    if (!drawn_s.empty()) {
        result.p50_s = percentile(drawn_s, 0.5);
        result.p99_s = percentile(drawn_s, 0.99);
    }
    return result;
}

// What each rank receives of everything: experts in contiguous blocks. Shape: [rank]; sums to 1.
std::vector<double> rank_shares(std::int32_t experts, int ranks, double level) {
    auto const popularity = popularity_at_gini(experts, level);
    std::vector<double> shares;
    std::size_t next = 0;
    for (auto const held : even_capacities(experts, ranks)) {
        shares.push_back(0);
        for (std::int32_t i = 0; i < held; ++i) shares.back() += popularity[next++];
    }
    return shares;
}

// Ranks send alike, and receive what the popularity of their experts makes of it.
std::vector<WhatIfResult> sums_alone(WhatIfRequest const& r, MachineDescription const& machine, int ranks) {
    if (!r.strategies.empty() || !r.control.empty() || !r.cost_models.empty()) {
        throw usage_error(
            fmt::format("{} ranks are computed from sums alone (a matrix of them would not fit); leave "
                        "--strategies, --control and --cost-model out, or ask for {} ranks at most",
                        ranks, most_dense_ranks));
    }
    std::vector<WhatIfResult> results;
    auto const& s = r.study;
    double const out_bytes = static_cast<double>(s.num_tokens) / ranks * s.top_k *
                             static_cast<double>(s.hidden_size * s.element_bytes);
    for (double const level : r.imbalance_levels) {
        auto const experts = std::max(s.num_experts, ranks);
        std::vector<RankLoad> loads;
        for (double const share : rank_shares(experts, ranks, level))
            loads.push_back({out_bytes, share * out_bytes * ranks});
        auto const bound = marginal_bound(machine, collapse(machine, loads));
        for (auto& load : loads) std::swap(load.out_bytes, load.in_bytes);
        auto const back = marginal_bound(machine, collapse(machine, loads));
        WhatIfResult result;
        result.ranks = ranks;
        result.source = fmt::format("gini {:.2f}, {} experts", level, experts);
        result.strategy = "contiguous";
        result.cost_model = "sums";
        result.imbalance = level;
        result.bound_s = bound.time_s + back.time_s;
        result.time_s = result.bound_s + 2 * machine.latency_s;
        result.binding_resource = bound.binding_resource;
        result.evidence = name_of(Evidence::assumed);
        results.push_back(result);
    }
    return results;
}

}  // namespace

bool is_what_if(WhatIfRequest const& r) {
    return !r.topology.empty() || !r.ranks.empty() || !r.bandwidths.empty() || !r.strategies.empty() ||
           !r.cost_models.empty() || !r.control.empty() || !r.trace.empty() || !r.matrix.empty() ||
           !r.kineto.empty() || !r.export_format.empty();
}

std::vector<WhatIfResult> run_what_if(WhatIfRequest const& r) {
    auto const described = machine_of(r);
    auto const models = split_list(r.cost_models.empty() ? "bound" : r.cost_models, "cost_model");
    ModelParameters parameters;
    parameters.seed = r.study.network;
    std::vector<WhatIfResult> results;
    for (int const ranks : rank_counts(r, described)) {
        bool const is_dense = ranks <= most_dense_ranks;
        auto const sources = is_dense ? traffic_sources(r, ranks) : std::vector<TrafficSource>();
        for (double const bandwidth : r.bandwidths.empty() ? std::vector<double>{0} : r.bandwidths) {
            if (!(bandwidth >= 0)) throw usage_error("--bandwidths holds a negative number; give Gbit/s");
            auto const machine = with_bandwidth(described, bandwidth);
            std::vector<WhatIfResult> some;
            if (is_dense) {
                Topology const topology(machine, std::vector<int>(static_cast<std::size_t>(ranks), 0));
                for (auto const& source : sources)
                    for (auto const& model : models)
                        some.push_back(result_of(source, model, topology, parameters));
            } else {
                some = sums_alone(r, machine, ranks);
            }
            for (auto& one : some) one.bandwidth_gbit_per_s = bandwidth;
            results.insert(results.end(), some.begin(), some.end());
        }
    }
    return results;
}

}  // namespace moewire
