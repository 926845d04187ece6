// What is told of the results: a table, findings, JSON, figures, and files for other simulators.
#include <algorithm>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/show.hpp"
#include "bench/places.hpp"
#include "bench/what_if.hpp"

namespace moewire {
namespace {

constexpr std::size_t most_printed_findings = 4;  // of a question

Json to_json(WhatIfResult const& one) {
    Json json{{"ranks", one.ranks}, {"source", one.source}, {"cost_model", one.cost_model}};
    if (one.bandwidth_gbit_per_s > 0) json["bandwidth_gbit_per_s"] = one.bandwidth_gbit_per_s;
    if (!one.strategy.empty()) json["strategy"] = one.strategy;
    if (one.imbalance >= 0) json["imbalance_gini"] = one.imbalance;
    json["time_s"] = one.time_s;
    if (one.high_s > one.low_s) json["low_s"] = one.low_s, json["high_s"] = one.high_s;
    if (one.p99_s > 0) json["draws"] = one.draws, json["p50_s"] = one.p50_s, json["p99_s"] = one.p99_s;
    json["bound_s"] = one.bound_s;
    json["binding_resource"] = one.binding_resource;
    json["evidence"] = one.evidence;
    if (!one.measured_on.empty()) json["measured_on"] = one.measured_on;
    if (one.measured_s > 0) json["measured_s"] = one.measured_s;
    json["dispatch_bytes"] = one.total_bytes;
    json["dispatch_bytes_between_ranks"] = one.crossing_bytes;
    return json;
}

Json configuration(WhatIfRequest const& r) {
    auto const& s = r.study;
    return {{"num_tokens", s.num_tokens},
            {"num_experts", s.num_experts},
            {"top_k", s.top_k},
            {"hidden_size", s.hidden_size},
            {"element_bytes", s.element_bytes},
            {"seeds", s.seeds},
            {"seed", s.seed},
            {"units", "times in s: dispatch and combine of all layers; bytes of the dispatch"}};
}

std::string table_of(std::vector<WhatIfResult> const& results) {
    bool const swept = std::any_of(results.begin(), results.end(),
                                   [](auto const& one) { return one.bandwidth_gbit_per_s > 0; });
    std::vector<std::string> header{"ranks"};
    if (swept) header.push_back("Gbit/s");
    for (auto const* name :
         {"traffic", "strategy", "model", "time", "P50", "P99", "bound", "binds", "evidence"})
        header.push_back(name);
    Table table(header);
    for (auto const& one : results) {
        auto const drawn = [&](double time_s) {
            return one.p99_s > 0 ? show_seconds(time_s) : std::string("-");
        };
        std::vector<std::string> row{std::to_string(one.ranks)};
        if (swept) row.push_back(show_number(one.bandwidth_gbit_per_s));
        row.insert(row.end(), {one.source, one.strategy.empty() ? "-" : one.strategy, one.cost_model,
                               show_seconds(one.time_s), drawn(one.p50_s), drawn(one.p99_s),
                               show_seconds(one.bound_s), one.binding_resource, one.evidence});
        table.add(row);
    }
    return table.text(TableStyle::plain);
}

}  // namespace

std::string report_what_if(WhatIfRequest const& r, std::vector<WhatIfResult> const& results) {
    ensure_writable_folder(r.output_dir);
    auto const exported = write_exports(r);
    auto const findings = key_findings(results);
    Json json;
    json["topology"] = r.topology.empty() ? "flat" : r.topology;
    json["configuration"] = configuration(r);
    json["results"] = Json::array();
    for (auto const& one : results) json["results"].push_back(to_json(one));
    json["key_findings"] = Json::array();
    for (auto const& answers : findings)
        for (auto const& answer : answers) json["key_findings"].push_back(answer);
    auto const file = std::filesystem::path(r.output_dir) / "simulation_results.json";
    write_file(file, to_text(json));
    if (!r.no_plots) draw("what_if", file, std::filesystem::path(r.output_dir) / "plots");
    auto text = table_of(results);
    for (auto const& answers : findings) {
        for (std::size_t i = 0; i < std::min(answers.size(), most_printed_findings); ++i)
            text += "* " + answers[i] + "\n";
        if (answers.size() > most_printed_findings)
            text += fmt::format("* {} more like these: key_findings in the file\n",
                                answers.size() - most_printed_findings);
    }
    return text + exported + fmt::format("wrote {}\n", file.string());
}

}  // namespace moewire
