#include "report/page_data.hpp"

#include <map>

#include "report/ranking.hpp"
#include "report/slope.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

using page::rounded;

constexpr std::size_t most_spans = 60000;  // of all timelines of a page: two megabytes and a half

Json to_json(std::vector<Sentence> const& sentences) {
    Json all = Json::array();
    for (auto const& s : sentences) {
        Json facts = Json::array();
        for (auto const& f : s.facts)
            facts.push_back({{"shown", f.shown},
                             {"value", f.value},
                             {"quantity", f.quantity},
                             {"of", f.of},
                             {"against", f.against}});
        all.push_back({{"topic", s.topic}, {"text", s.text}, {"facts", std::move(facts)}});
    }
    return all;
}

Json matrices_of(Run const& run) {
    Json all = Json::array();
    for (auto const& m : plan_matrices(run.groups)) {
        Json cells = Json::array();
        for (auto const& row : m.cells) {
            Json of_row = Json::array();
            for (auto const& cell : row) {
                if (!cell.is_measured)
                    of_row.push_back(nullptr);
                else
                    of_row.push_back(
                        {page::to_json(cell.against_contiguous.ratio), rounded(cell.rank_max_over_mean)});
            }
            cells.push_back(std::move(of_row));
        }
        all.push_back({{"model", m.model},
                       {"mode", m.mode},
                       {"strategy", m.strategy},
                       {"plans", m.plan_texts},
                       {"texts", m.test_texts},
                       {"cells", std::move(cells)}});
    }
    return all;
}

Json lines_of(Run const& run) {
    Json all = Json::array();
    for (auto const& group : run.groups) {
        auto const line = fit_imbalance(layer_points(group));
        if (!line) continue;
        all.push_back(
            {{"model", group.model},
             {"text", group.dataset},
             {"plan", group.plan_dataset},
             {"mode", group.mode},
             {"slope_s", {rounded(line->slope.value), rounded(line->slope.low), rounded(line->slope.high)}},
             {"at_even_s", rounded(line->at_even)},
             {"points", line->points}});
    }
    return all;
}

Json accuracy_of(Run const& run) {
    Json all = Json::array();
    for (auto const& a : run.accuracy) {
        all.push_back({{"mode", a.mode},
                       {"model", a.model},
                       {"exchanges", a.exchanges},
                       {"median_error", rounded(a.median_error)},
                       {"p95_error", rounded(a.p95_error)},
                       {"bias", rounded(a.bias)},
                       {"coverage", a.has_interval ? rounded(a.coverage) : Json(nullptr)},
                       {"is_rule", a.is_rule}});
    }
    return all;
}

Json facts_of(Trace const& trace) {
    Json facts = Json::array();
    for (auto const& [name, value] : trace.root.attributes) {
        if (name != "nccl_topology_xml") facts.push_back({name, to_text(value)});
    }
    return facts;
}

Json cases_of(Run const& run, page::Pool& pool, std::size_t& spans) {
    std::map<std::string, Record const*> records;
    for (auto const& record : run.trace.cases) records[place::key_of(record.path)] = &record;
    auto const uniform = uniform_points(run.trace);
    Json all = Json::array();
    for (auto const& group : run.groups) {
        for (auto const& one : group.cases) {
            auto const& record = *records.at(one.key);
            auto json = page::case_json(run, one, group.baseline(), record, pool);
            if (one.measured()) page::add_rules(json, record, uniform);
            if (json.contains("timeline")) {
                spans += json["timeline"]["spans_us"].size();
                if (spans > most_spans) json.erase("timeline"), json["timeline_left_out"] = true;
            }
            all.push_back(std::move(json));
        }
    }
    return all;
}

Json run_json(Run const& run, page::Pool& pool, std::size_t& spans) {
    Json expectations = Json::array();
    for (auto const& e : run.expectations) expectations.push_back(to_row(e));
    return {{"name", run.name},
            {"facts", facts_of(run.trace)},
            {"answers", to_json(run.answers)},
            {"limits", to_json(run.limits)},
            {"expectations", std::move(expectations)},
            {"accuracy", accuracy_of(run)},
            {"matrices", matrices_of(run)},
            {"lines", lines_of(run)},
            {"cases", cases_of(run, pool, spans)}};
}

Json baseline_of(Findings const& findings) {
    Json rows = Json::array();
    for (auto const& row : findings.baseline) {
        bool const found = row.change != Change::missing;
        rows.push_back(
            {{"key", row.kept.key},
             {"quantity", row.kept.quantity},
             {"then", rounded(row.kept.value)},
             {"now", found ? rounded(row.found.value) : Json(nullptr)},
             {"cost",
              found ? Json{rounded(row.cost), rounded(row.cost_low), rounded(row.cost_high)} : Json(nullptr)},
             {"tolerance", row.tolerance},
             {"verdict", name_of(row.change)},
             {"why", row.why}});
    }
    return {{"name", findings.baseline_name}, {"rows", std::move(rows)}};
}

}  // namespace

Json page_data(Findings const& findings) {
    page::Pool pool;
    Json runs = Json::array(), provenance = Json::array(), differences = Json::array();
    std::size_t spans = 0;
    for (auto const& run : findings.runs) runs.push_back(run_json(run, pool, spans));
    for (auto const& row : findings.provenance) provenance.push_back({row.what, row.values});
    for (auto const& d : findings.differences) {
        differences.push_back({{"run", d.run},
                               {"key", d.key},
                               {"label", d.label},
                               {"first_s", rounded(d.first->p50.value)},
                               {"other_s", rounded(d.other->p50.value)},
                               {"ratio", page::to_json(d.time.ratio)},
                               {"said", say_comparison(d.time)}});
    }
    return {{"runs", std::move(runs)},
            {"arrays", pool.arrays()},
            {"provenance", std::move(provenance)},
            {"differences", std::move(differences)},
            {"baseline", baseline_of(findings)}};
}

std::string script_safe(Json const& json) {
    // Everything beyond ASCII is escaped by the library, line separators included.
    auto const text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    std::string safe;
    safe.reserve(text.size() + text.size() / 50);
    for (char const c : text) {
        if (c == '<')
            safe += "\\u003c";
        else if (c == '>')
            safe += "\\u003e";
        else if (c == '&')
            safe += "\\u0026";
        else
            safe += c;
    }
    return safe;
}

}  // namespace moewire
