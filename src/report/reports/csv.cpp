// Tables for a spreadsheet: cases.csv, exchanges.csv, and what runs and baselines differ in.
#include "report/csv.hpp"

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/registry.hpp"
#include "report/exchanges.hpp"
#include "report/report.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

std::string joined(std::vector<std::string> const& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) line += (i == 0 ? "" : ",") + cells[i];
    return line + "\n";
}

void add_quantile(std::vector<std::string>& cells, Quantile const& q) {
    bool const known = q.samples > 0;
    cells.push_back(known ? csv_number(q.value) : "");
    cells.push_back(known && q.bounded ? csv_number(q.low) : "");
    cells.push_back(known && q.bounded ? csv_number(q.high) : "");
}

std::string case_row(Run const& run, CaseSummary const& one, CaseSummary const* baseline) {
    std::vector<std::string> cells;
    for (auto const& text :
         {run.name, one.key, one.model, one.dataset, one.plan_dataset, one.mode, one.strategy, one.policy,
          one.payload, std::string(one.is_bound ? "bound" : "strategy"), one.status, one.reason})
        cells.push_back(csv_text(text));
    cells.push_back(std::to_string(one.exchange_s.size()));
    for (auto const* q : {&one.p50, &one.p95, &one.p99}) add_quantile(cells, *q);
    bool const compared = baseline != nullptr && one.measured();
    add_quantile(cells, compared ? compare(one.charged_s, baseline->charged_s).ratio : Quantile{});
    bool const ranked = one.measured() && !one.is_bound;
    cells.push_back(ranked ? csv_number(one.chance_of_fastest) : "");
    add_quantile(cells, one.pass_p50);
    cells.push_back(one.measured() ? csv_number(median(one.wait_s)) : "");
    cells.push_back(one.measured() ? csv_number(one.bound_s) : "");
    cells.push_back(csv_number(one.rank_max_over_mean));
    cells.push_back(std::to_string(one.busiest_bytes));
    cells.push_back(std::to_string(one.total_bytes));
    cells.push_back(one.perplexity > 0 ? csv_number(one.perplexity) : "");
    cells.push_back(csv_number(one.rerouted_ratio));
    cells.push_back(csv_number(one.plan_s));
    cells.push_back(std::to_string(one.migrated_bytes));
    return joined(cells);
}

std::string cases_text(Findings const& findings) {
    std::string text =
        "run,case,model,dataset,plan_dataset,mode,strategy,policy,payload,standing,status,reason,iterations,"
        "charged_p50_s,charged_p50_low_s,charged_p50_high_s,charged_p95_s,charged_p95_low_s,charged_p95_high_"
        "s,"
        "charged_p99_s,charged_p99_low_s,charged_p99_high_s,over_contiguous,over_contiguous_low,over_"
        "contiguous_high,"
        "chance_of_fastest,pass_p50_s,pass_p50_low_s,pass_p50_high_s,wait_p50_s,bound_s,received_max_over_"
        "mean,"
        "busiest_port_bytes,total_bytes,perplexity,rerouted_ratio,plan_s,migrated_bytes\n";
    for (auto const& run : findings.runs) {
        for (auto const& group : run.groups) {
            for (auto const& one : group.cases) text += case_row(run, one, group.baseline());
        }
    }
    return text;
}

std::string exchanges_text(Findings const& findings) {
    std::string text =
        "run,case,direction,layer,measured_p50_s,measured_p50_low_s,measured_p50_high_s,iterations,cost_"
        "model,"
        "predicted_s,predicted_low_s,predicted_high_s,bound_s\n";
    for (auto const& run : findings.runs) {
        for (auto const& record : run.trace.cases) {
            for (auto const& e : exchanges_of(record)) {
                for (auto const& [model, f] : e.forecasts) {
                    std::vector<std::string> cells{csv_text(run.name), csv_text(place::key_of(record.path)),
                                                   e.direction, std::to_string(e.layer)};
                    add_quantile(cells, e.measured);
                    cells.push_back(std::to_string(e.measured.samples));
                    cells.push_back(csv_text(model));
                    for (double const value : {f.time_s, f.low_s, f.high_s, f.bound_s})
                        cells.push_back(csv_number(value));
                    text += joined(cells);
                }
            }
        }
    }
    return text;
}

std::string differences_text(Findings const& findings) {
    std::string text = "case,run,first_run,p50_s,first_p50_s,ratio,ratio_low,ratio_high\n";
    for (auto const& d : findings.differences) {
        std::vector<std::string> cells{csv_text(d.key), csv_text(findings.runs[d.run].name),
                                       csv_text(findings.runs.front().name), csv_number(d.other->p50.value),
                                       csv_number(d.first->p50.value)};
        add_quantile(cells, d.time.ratio);
        text += joined(cells);
    }
    return text;
}

std::string baseline_rows_text(Findings const& findings) {
    std::string text = "case,quantity,then,now,cost,cost_low,cost_high,tolerance,verdict,why\n";
    for (auto const& row : findings.baseline) {
        bool const found = row.change != Change::missing;
        text += joined({csv_text(row.kept.key), row.kept.quantity, csv_number(row.kept.value),
                        found ? csv_number(row.found.value) : "", found ? csv_number(row.cost) : "",
                        found ? csv_number(row.cost_low) : "", found ? csv_number(row.cost_high) : "",
                        csv_number(row.tolerance), name_of(row.change), csv_text(row.why)});
    }
    return text;
}

std::filesystem::path write(Findings const& findings, ReportWriter::Place const& place) {
    auto const path = place.folder / "cases.csv";
    write_file(path, cases_text(findings));
    write_file(place.folder / "exchanges.csv", exchanges_text(findings));
    if (findings.runs.size() > 1) write_file(place.folder / "differences.csv", differences_text(findings));
    if (!findings.baseline.empty())
        write_file(place.folder / "baseline_changes.csv", baseline_rows_text(findings));
    return path;
}

bool const registered =
    register_in<ReportWriter>("csv", "Tables for a spreadsheet: cases.csv and exchanges.csv.", {write});

}  // namespace
}  // namespace moewire
