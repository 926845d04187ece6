#include "bench/what_if.hpp"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "base/statistics.hpp"
#include "bench/facts.hpp"
#include "bench/places.hpp"
#include "simulate/calibration_file.hpp"
#include "simulate/nccl_rules.hpp"
#include "trace/trace_reader.hpp"

namespace moewire {
namespace {

// From here on no matrix is written down: it would take gigabytes, and the models hours.
constexpr int most_dense_ranks = 2048;

// Dispatch and combine of all layers; the weakest evidence of them.
struct Total {
    double time_s = 0, low_s = 0, high_s = 0, bound_s = 0;
    std::string binding_resource = "none";
    std::optional<Evidence> evidence;
};

Total total_of(CostModel const& model, Traffic const& traffic, Topology const& topology,
               ModelParameters const& parameters) {
    Total total;
    double longest_s = -1;
    for (LayerId const layer : ids<LayerId>(traffic.layers())) {
        for (auto const& bytes : {traffic.dispatch(layer), traffic.combine(layer)}) {
            auto const one = model.predict({topology, bytes}, parameters);
            total.time_s += one.time_s;
            total.low_s += one.low_s;
            total.high_s += one.high_s;
            total.bound_s += one.bound_s;
            if (one.bound_s > longest_s) total.binding_resource = one.binding_resource;
            longest_s = std::max(longest_s, one.bound_s);
            total.evidence = total.evidence ? std::max(*total.evidence, one.evidence) : one.evidence;
        }
    }
    return total;
}

// Was it measured on another machine than this, or among other ranks?
bool is_elsewhere(Origin const& origin, Topology const& topology) {
    return origin.is_planned_anew || !same_content(origin.topology, topology_record(topology));
}

void add_origin(TrafficSource const& source, Topology const& topology, WhatIfResult& result) {
    if (!source.origin) return;
    auto const& told = source.origin->topology;
    result.measured_on = told.has("name") ? told.text("name") : "a machine without a name";
    result.measured_s = source.origin->measured_s;
    if (is_elsewhere(*source.origin, topology)) result.evidence = "transferred";
}

void add_bytes(Traffic const& traffic, WhatIfResult& result) {
    for (LayerId const layer : ids<LayerId>(traffic.layers())) {
        for (int source = 0; source < traffic.ranks(); ++source) {
            for (int to = 0; to < traffic.ranks(); ++to) {
                auto const bytes = static_cast<double>(traffic.bytes(layer, source, to));
                result.total_bytes += bytes;
                result.crossing_bytes += source == to ? 0 : bytes;
            }
        }
    }
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
    result.low_s = total.low_s;
    result.high_s = total.high_s;
    result.bound_s = total.bound_s;
    result.binding_resource = total.binding_resource;
    result.evidence = name_of(total.evidence.value_or(Evidence::assumed));
    add_origin(source, topology, result);
    add_bytes(source.expected, result);
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

std::vector<std::string> models_asked_for(WhatIfRequest const& r, int ranks) {
    if (ranks <= most_dense_ranks)
        return split_list(!r.cost_models.empty()  ? r.cost_models
                          : r.calibration.empty() ? "bound"
                                                  : "bound,calibrated",
                          "cost_model");
    if (r.cost_models.empty() || r.cost_models == sums_model) return {sums_model};
    throw usage_error(
        fmt::format("{} ranks are computed from sums alone (a matrix of them would not fit); leave "
                    "--cost_model out, or ask for {} ranks at most",
                    ranks, most_dense_ranks));
}

std::vector<int> nodes_of(MachineDescription const& machine, int ranks) {
    auto nodes = machine.node_of_rank(ranks);
    if (nodes.empty()) nodes.assign(static_cast<std::size_t>(ranks), 0);
    return nodes;
}

// Everything but the sums, on one machine.
std::vector<WhatIfResult> run_dense(WhatIfRequest const& r, std::vector<TrafficSource> const& sources,
                                    std::vector<std::string> const& models, MachineDescription const& machine,
                                    int ranks, double gbit_per_s) {
    ModelParameters parameters;
    parameters.seed = r.study.network;
    parameters.line = line_of_trace(r);
    parameters.nccl.version = nccl_version_of(r.nccl_version);
    if (gbit_per_s > 0) parameters.seed.bandwidth_bytes_per_s = gbit_per_s * 1e9 / 8;
    std::optional<CalibratedModel> calibrated;
    if (!r.calibration.empty()) calibrated = read_calibration(r.calibration).model;
    std::vector<WhatIfResult> results;
    for (auto const& source : sources) {
        Topology const topology(machine,
                                source.node_of_rank.empty() ? nodes_of(machine, ranks) : source.node_of_rank);
        if (calibrated)
            parameters.calibrated =
                std::make_shared<CalibratedModel const>(carried_to(*calibrated, topology));
        for (auto const& model : models) {
            if (model == sums_model) continue;
            results.push_back(result_of(source, model, topology, parameters));
        }
    }
    return results;
}

void check_between(char const* flag, double value, double least, double most) {
    if (value >= least && value <= most) return;
    throw usage_error(
        fmt::format("--{} is {} ({} to {:g} make sense); give another value", flag, value, least, most));
}

}  // namespace

void check_what_if(WhatIfRequest const& r) {
    auto const& s = r.study;
    check_between("num_tokens", static_cast<double>(s.num_tokens), 1, 1e12);
    check_between("num_experts", s.num_experts, 1, 4e6);
    check_between("num_gpus", s.num_gpus, 1, 4e6);
    check_between("top_k", s.top_k, 1, 1e4);
    check_between("hidden_size", static_cast<double>(s.hidden_size), 1, 1e7);
    check_between("element_bytes", static_cast<double>(s.element_bytes), 1, 64);
    check_between("seeds", s.seeds, 0, 1e6);
    check_between("latency", s.network.latency_s * 1e6, 0, 1e9);
    check_between("bandwidth", s.network.bandwidth_bytes_per_s * 8 / 1e9, 1e-9, 1e9);
    double const bytes =
        static_cast<double>(s.num_tokens) * s.top_k * static_cast<double>(s.hidden_size * s.element_bytes);
    if (bytes > 4e18)
        throw usage_error(
            fmt::format("{:.2g} bytes in one exchange (tokens x top_k x hidden_size x element_bytes; "
                        "beyond what can be counted); use fewer tokens",
                        bytes));
    for (double const bandwidth : r.bandwidths)
        if (!(bandwidth > 0 && bandwidth <= 1e9))
            throw usage_error(
                fmt::format("--bandwidths {} (no link carries that); give Gbit/s above 0", bandwidth));
    if (r.imbalance_levels.empty()) throw usage_error("--imbalance_levels is empty; name at least one");
}

bool is_what_if(WhatIfRequest const& r) {
    return !r.topology.empty() || !r.ranks.empty() || !r.bandwidths.empty() || !r.strategies.empty() ||
           !r.cost_models.empty() || !r.calibration.empty() || !r.control.empty() || !r.trace.empty() ||
           !r.matrix.empty() || !r.kineto.empty() || !r.imports.empty() || !r.export_format.empty();
}

std::vector<WhatIfResult> run_what_if(WhatIfRequest const& r) {
    check_what_if(r);
    auto const described = machine_asked_for(r);
    std::vector<WhatIfResult> results;
    for (int const ranks : rank_counts(r, described)) {
        auto const models = models_asked_for(r, ranks);
        bool const is_dense =
            std::any_of(models.begin(), models.end(), [](auto const& m) { return m != sums_model; });
        bool const has_sums = std::count(models.begin(), models.end(), sums_model) > 0;
        std::vector<TrafficSource> sources;
        if (is_dense) sources = traffic_sources(r, nodes_of(described, ranks));
        for (double const bandwidth : r.bandwidths.empty() ? std::vector<double>{0} : r.bandwidths) {
            auto const machine = with_bandwidth(described, bandwidth);
            auto some = run_dense(r, sources, models, machine, ranks, bandwidth);
            if (has_sums) {
                auto const more = run_sums(r, machine, ranks);
                some.insert(some.end(), more.begin(), more.end());
            }
            for (auto& one : some) one.bandwidth_gbit_per_s = bandwidth;
            results.insert(results.end(), some.begin(), some.end());
        }
    }
    return results;
}

}  // namespace moewire
