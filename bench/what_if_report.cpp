// What is told of the results: a table, findings, JSON, figures, and files for other simulators.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/registry.hpp"
#include "base/show.hpp"
#include "bench/places.hpp"
#include "bench/what_if.hpp"
#include "simulate/export.hpp"
#include "topology/topology.hpp"
#include "traffic/matrix_file.hpp"

namespace moewire {
namespace {

Json to_json(WhatIfResult const& one) {
    Json json{{"ranks", one.ranks}, {"source", one.source}, {"cost_model", one.cost_model}};
    if (one.bandwidth_gbit_per_s > 0) json["bandwidth_gbit_per_s"] = one.bandwidth_gbit_per_s;
    if (!one.strategy.empty()) json["strategy"] = one.strategy;
    if (one.imbalance >= 0) json["imbalance_gini"] = one.imbalance;
    json["time_s"] = one.time_s;
    if (one.p99_s > 0) json["draws"] = one.draws, json["p50_s"] = one.p50_s, json["p99_s"] = one.p99_s;
    json["bound_s"] = one.bound_s;
    json["binding_resource"] = one.binding_resource;
    json["evidence"] = one.evidence;
    return json;
}

// Results that differ in imbalance alone, or in strategy alone.
std::string but_imbalance(WhatIfResult const& one) {
    return fmt::format(
        "{} ranks, {}{}, {}", one.ranks, one.strategy,
        one.bandwidth_gbit_per_s > 0 ? fmt::format(", {} Gbit/s", one.bandwidth_gbit_per_s) : "",
        one.cost_model);
}

using Series = std::vector<WhatIfResult const*>;

std::string finding_of_rise(std::string const& what, Series series) {
    std::sort(series.begin(), series.end(), [](auto* a, auto* b) { return a->imbalance < b->imbalance; });
    bool const rises =
        std::is_sorted(series.begin(), series.end(), [](auto* a, auto* b) { return a->time_s < b->time_s; });
    auto const &first = *series.front(), &last = *series.back();
    return fmt::format("{}: the maximum {} with imbalance, {:.2f} times from Gini {:.2f} to {:.2f}.", what,
                       rises ? "rises" : "does not always rise", last.time_s / first.time_s, first.imbalance,
                       last.imbalance);
}

std::string finding_of_tail(std::string const& what, Series const& series) {
    auto const by_level = [](auto* a, auto* b) { return a->imbalance < b->imbalance; };
    auto const& low = **std::min_element(series.begin(), series.end(), by_level);
    auto const& high = **std::max_element(series.begin(), series.end(), by_level);
    return fmt::format("{}: over sampled routings P99 lies {} above P50 at Gini {:.2f}, {} at {:.2f}.", what,
                       show_percent(low.p99_s / low.p50_s - 1), low.imbalance,
                       show_percent(high.p99_s / high.p50_s - 1), high.imbalance);
}

void add_savings(std::vector<WhatIfResult> const& results, std::vector<std::string>& findings) {
    for (auto const& base : results) {
        if (base.strategy != "contiguous" || base.time_s <= 0) continue;
        WhatIfResult const* best = nullptr;
        for (auto const& other : results) {
            bool const comparable = other.ranks == base.ranks && other.source == base.source &&
                                    other.cost_model == base.cost_model &&
                                    other.bandwidth_gbit_per_s == base.bandwidth_gbit_per_s;
            if (comparable && other.strategy != base.strategy &&
                (best == nullptr || other.time_s < best->time_s))
                best = &other;
        }
        if (best == nullptr) continue;
        double const saved = 1 - best->time_s / base.time_s;
        findings.push_back(
            fmt::format("{}, {}: balanced assignment ({}) saves {}; the course study expects 20 to 50 %, "
                        "{}.",
                        but_imbalance(base), base.source, best->strategy, show_percent(saved),
                        saved > 0.5    ? "this is more"
                        : saved >= 0.2 ? "as here"
                                       : "this is less"));
    }
}

void write_exports(WhatIfRequest const& r, std::vector<std::string>& written) {
    if (r.export_format.empty()) return;
    auto const& format = Registry<TrafficExport>::instance().at(r.export_format).value;
    auto const machine = r.topology.empty() ? MachineDescription{} : read_machine(topology_file(r.topology));
    int ranks = given_ranks(r);
    if (ranks == 0)
        ranks =
            r.ranks.empty() ? machine.ranks.value_or(r.study.num_gpus) : static_cast<int>(r.ranks.front());
    if (static_cast<std::size_t>(ranks) > most_matrix_ranks)
        throw usage_error(
            fmt::format("--export of {} ranks (at most {}); ask for fewer", ranks, most_matrix_ranks));
    Topology const topology(machine, std::vector<int>(static_cast<std::size_t>(ranks), 0));
    std::size_t number = 0;
    for (auto const& source : traffic_sources(r, ranks)) {
        for (LayerId const layer : ids<LayerId>(source.expected.layers())) {
            auto const bytes = source.expected.dispatch(layer);
            auto const name = fmt::format("exchange_{}_layer_{}", number, index_of(layer));
            for (auto const& file : format.write({topology, bytes}, name)) {
                auto const path = std::filesystem::path(r.output_dir) / file.name;
                write_file(path, file.content);
                written.push_back(path.string());
            }
        }
        ++number;
    }
}

}  // namespace

std::vector<std::string> key_findings(std::vector<WhatIfResult> const& results) {
    std::map<std::string, Series> by_imbalance;
    for (auto const& one : results)
        if (one.imbalance >= 0) by_imbalance[but_imbalance(one)].push_back(&one);
    std::vector<std::string> findings;
    for (auto const& [what, series] : by_imbalance) {
        if (series.size() < 2 || series.front()->time_s <= 0) continue;
        findings.push_back(finding_of_rise(what, series));
        if (series.front()->p50_s > 0) findings.push_back(finding_of_tail(what, series));
    }
    add_savings(results, findings);
    return findings;
}

std::string report_what_if(WhatIfRequest const& r, std::vector<WhatIfResult> const& results) {
    ensure_writable_folder(r.output_dir);
    std::vector<std::string> written;
    write_exports(r, written);
    auto const findings = key_findings(results);
    Json json;
    json["topology"] = r.topology.empty() ? "flat" : r.topology;
    json["results"] = Json::array();
    Table table(
        {"ranks", "traffic", "strategy", "model", "time", "P50", "P99", "bound", "binds", "evidence"});
    for (auto const& one : results) {
        json["results"].push_back(to_json(one));
        auto const drawn = [&](double time_s) {
            return one.p99_s > 0 ? show_seconds(time_s) : std::string("-");
        };
        table.add({std::to_string(one.ranks), one.source, one.strategy.empty() ? "-" : one.strategy,
                   one.cost_model, show_seconds(one.time_s), drawn(one.p50_s), drawn(one.p99_s),
                   show_seconds(one.bound_s), one.binding_resource, one.evidence});
    }
    json["key_findings"] = findings;
    json["units"] = "times in s: dispatch and combine of all layers";
    auto const file = std::filesystem::path(r.output_dir) / "simulation_results.json";
    write_file(file, to_text(json));
    written.push_back(file.string());
    if (!r.no_plots) draw("what_if", file, std::filesystem::path(r.output_dir) / "plots");
    auto text = table.text(TableStyle::plain);
    for (auto const& finding : findings) text += "* " + finding + "\n";
    // Many exchanges make many files.
    text += written.size() > 4 ? fmt::format("wrote {} files below {}\n", written.size(), r.output_dir) : "";
    for (auto const& path : written)
        if (written.size() <= 4) text += "wrote " + path + "\n";
    return text;
}

}  // namespace moewire
