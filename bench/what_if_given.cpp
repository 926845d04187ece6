// Traffic that is given: traces, matrices, profiles, files of other simulators.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/statistics.hpp"
#include "bench/what_if.hpp"
#include "report/summary.hpp"
#include "simulate/export.hpp"
#include "trace/trace_reader.hpp"
#include "traffic/kineto.hpp"

namespace moewire {
namespace {

Traffic traffic_of(std::vector<ByteMatrix> const& layers) {
    auto const n = layers.front().extent(0);
    Traffic traffic{0, Grid<std::uint64_t, 3>(layers.size(), n, n)};
    for (std::size_t layer = 0; layer < layers.size(); ++layer)
        std::copy(layers[layer].values().begin(), layers[layer].values().end(),
                  traffic.bytes.row(layer).begin());
    return traffic;
}

Error nothing_in(std::string const& trace, std::string const& what, std::string const& remedy) {
    return input_error("simulate", fmt::format("{} holds no {}; {}", trace, what, remedy));
}

// Where the ranks of a trace ran.
std::vector<int> nodes_in(Trace const& trace, std::size_t ranks) {
    auto const* nodes = trace.root.find("node_of_rank");
    if (nodes == nullptr || nodes->size() != ranks) return {};
    auto const grid = to_grid<std::int32_t, 1>(*nodes);
    return grid.values();
}

std::vector<TrafficSource> traced_sources(WhatIfRequest const& r) {
    auto const trace = read_trace(r.trace);
    std::vector<TrafficSource> sources;
    for (auto const& one : trace.cases) {
        auto const* bytes = one.find("traffic_bytes");
        if (bytes == nullptr) continue;
        TrafficSource source;
        source.name = one.path.substr(one.path.rfind('/') + 1);
        source.strategy = one.has("strategy") ? one.text("strategy") : "";
        source.expected = {0, to_grid<std::uint64_t, 3>(*bytes)};
        source.node_of_rank = nodes_in(trace, source.expected.bytes.extent(1));
        auto const measured_s = summarise(one).exchange_s;
        source.origin = Origin{trace.topology, measured_s.empty() ? 0 : median(measured_s), false};
        sources.push_back(std::move(source));
    }
    if (sources.empty())
        throw nothing_in(r.trace, "case with traffic (nothing to predict)", "measure one first");
    for (auto const& source : sources)
        if (source.expected.ranks() != sources.front().expected.ranks())
            throw input_error("simulate",
                              r.trace +
                                  " holds cases of several numbers of ranks (one machine is asked "
                                  "for); name a trace of one");
    return sources;
}

std::vector<TrafficSource> profiled_source(WhatIfRequest const& r) {
    std::vector<ByteMatrix> layers;
    for (auto const& exchange : read_kineto({r.kineto.begin(), r.kineto.end()}))
        layers.push_back(exchange.bytes);
    TrafficSource source;
    source.name = "kineto";
    source.expected = traffic_of(layers);
    return {source};
}

std::vector<TrafficSource> matrix_source(std::string const& name, ByteMatrix const& bytes) {
    TrafficSource source;
    source.name = name;
    source.expected = traffic_of({bytes});
    return {source};
}

bool is_given(WhatIfRequest const& r) {
    int const kinds =
        !r.trace.empty() + !r.matrix.empty() + !r.kineto.empty() + !r.imports.empty() + !r.control.empty();
    if (kinds > 1)
        throw usage_error(
            "--trace, --matrix, --kineto, --import and --control exclude each other (one says what moves); "
            "keep one");
    if (kinds == 1 && r.control.empty() && r.trace.empty() && !r.strategies.empty())
        throw usage_error(
            "--strategies says nothing of traffic that is given (it is planned already); leave it out");
    return kinds == 1 && r.control.empty();
}

// The same tokens: each new rank gets those of one that was measured, in turn, so that a rank's work stays
// what it was.
Demand stretched(Grid<std::int64_t, 3> const& measured, std::size_t ranks) {
    Grid<std::int64_t, 3> tokens(measured.extent(0), ranks, measured.extent(2));
    for (std::size_t layer = 0; layer < measured.extent(0); ++layer) {
        for (std::size_t rank = 0; rank < ranks; ++rank) {
            auto const from = measured.row(layer, rank % measured.extent(1));
            std::copy(from.begin(), from.end(), tokens.row(layer, rank).begin());
        }
    }
    return Demand(std::move(tokens));
}

}  // namespace

std::vector<TrafficSource> given_sources(WhatIfRequest const& r) {
    if (!is_given(r)) return {};
    if (!r.trace.empty()) return traced_sources(r);
    if (!r.matrix.empty()) return matrix_source(r.matrix, read_matrix(r.matrix));
    if (!r.kineto.empty()) return profiled_source(r);
    return matrix_source(r.imports.front(), import_traffic({r.imports.begin(), r.imports.end()}));
}

int given_ranks(WhatIfRequest const& r) {
    bool const may_choose = !r.trace.empty() && !r.ranks.empty();
    if (!is_given(r) || may_choose) return 0;
    return given_sources(r).front().expected.ranks();
}

// The trace holds the test text alone, so that plans are made from what they serve.
std::vector<TrafficSource> replanned_sources(WhatIfRequest const& r,
                                             std::vector<std::int32_t> const& node_of_rank) {
    is_given(r);
    auto const trace = read_trace(r.trace);
    std::set<std::string> seen;
    std::vector<TrafficSource> sources;
    for (auto const& one : trace.cases) {
        auto const* loads = one.find("expert_load_tokens");
        if (loads == nullptr || !one.has("dataset") || !one.has("policy")) continue;
        auto const name = fmt::format("{}, {}, {} ranks measured", one.text("dataset"), one.text("policy"),
                                      one.integer("ranks"));
        if (!seen.insert(name).second) continue;
        auto const demand = stretched(to_grid<std::int64_t, 3>(*loads), node_of_rank.size());
        for (auto const& spec : strategies_asked_for(r)) {
            sources.push_back(planned_source(r, node_of_rank, spec, demand, {}, one.integer("row_bytes")));
            sources.back().name = name;
            sources.back().origin = Origin{trace.topology, 0, true};
        }
    }
    if (sources.empty())
        throw nothing_in(r.trace, "expert loads (nothing to plan from)", "measure with a newer version");
    return sources;
}

}  // namespace moewire
