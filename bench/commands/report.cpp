// moewire report: say what traces mean, from the traces alone, and whether it is as fast as it was.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "bench/command.hpp"
#include "bench/reporting.hpp"

namespace moewire {
namespace {

struct Options {
    std::vector<std::string> traces;
    std::string output = "report", format = "all", library, baseline, update_baseline, quantities = "all";
    double tolerance_latency = 0.05, tolerance_throughput = 0.05;
    bool no_plots = false, gate = false;
};

void check(Options const& o) {
    if (o.gate && o.baseline.empty())
        throw usage_error("--gate has nothing to hold the run against; name a file with --baseline");
    if (!o.baseline.empty() && !o.update_baseline.empty())
        throw usage_error(
            "--baseline and --update_baseline exclude each other (a run is no judge of itself); give one");
    if (!(o.baseline.empty() && o.update_baseline.empty()) && o.traces.size() != 1)
        throw usage_error("a baseline is that of one run, and several were named; name one trace");
    for (double const tolerance : {o.tolerance_latency, o.tolerance_throughput}) {
        if (!(tolerance >= 0 && tolerance < 100))
            throw usage_error(
                "a tolerance is a share from 0 on: 0.05 lets times grow by 5 %; give such a number");
    }
    quantities_of(o.quantities);
}

int update(Context const& context, Options const& o, Run const& run) {
    auto const figures = figures_of(run.trace, run.groups, quantities_of(o.quantities));
    auto const text = baseline_text(run.trace, figures);
    auto const folder = std::filesystem::path(o.update_baseline).parent_path();
    if (!folder.empty()) ensure_writable_folder(folder);
    write_file(o.update_baseline, text);
    print(context, fmt::format("wrote {} figures into {}\n", figures.size(), o.update_baseline));
    return 0;
}

void judge_run(Options const& o, std::vector<Figure> const& kept, Findings& findings) {
    auto const& run = findings.runs.front();
    findings.baseline_name = std::filesystem::path(o.baseline).filename().string();
    // What the baseline keeps is what is compared: all quantities of the run are offered.
    findings.baseline = judge(kept, figures_of(run.trace, run.groups, Quantities::all), run.trace,
                              {o.tolerance_latency, o.tolerance_throughput});
}

// Says what changed; with --gate, throws where that is too much.
void say_gate(Context const& context, Options const& o, std::vector<BaselineRow> const& rows) {
    print(context, say_changes(rows) + "\n");
    std::string bad;
    for (auto const& row : rows) {
        if (row.change == Change::worse) {
            print(context,
                  fmt::format(
                      "  worse: {} {}: costs {:.3f} of then (95 %: {:.3f} to {:.3f}; tolerance {:.0f} %)\n",
                      row.kept.key, row.kept.quantity, row.cost, row.cost_low, row.cost_high,
                      100 * row.tolerance));
        } else if (row.change == Change::missing) {
            print(context, fmt::format("  missing: {} {}: {}\n", row.kept.key, row.kept.quantity, row.why));
        }
    }
    auto const failures = count_failures(rows);
    if (!o.gate || failures == 0) return;
    throw Error(
        ErrorKind::gate, "report",
        fmt::format(
            "{} of {} figures are worse than in {} or missing (they are listed above); find out why, or "
            "accept them with --update_baseline",
            failures, rows.size(), o.baseline));
}

int run(Context const& context, Options const& o) {
    if (!context.world.is_root()) return 0;
    check(o);
    // Read before anything is written: a file that is none is no reason for half a report.
    std::vector<Figure> const kept = o.baseline.empty() ? std::vector<Figure>{} : read_baseline(o.baseline);
    std::vector<Trace> traces;
    for (auto const& path : o.traces) traces.push_back(read_trace(path));
    auto findings = find(std::move(traces));
    if (!o.update_baseline.empty()) return update(context, o, findings.runs.front());
    if (!kept.empty()) judge_run(o, kept, findings);
    auto const page = write_report(findings, {o.output, o.format, o.library, !o.no_plots});
    print(context, fmt::format("wrote {}\n", page.string()));
    if (!kept.empty()) say_gate(context, o, findings.baseline);
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    argument(app, "traces", o->traces, "Traces (.h5); several are set side by side");
    option(app, "output", o->output, "Folder to write into");
    option(app, "format", o->format, "Report formats in `moewire list`, by comma, or all");
    option(app, "library", o->library, "plotly.min.js for report.html; default: that of scripts/setup.sh");
    flag(app, "no_plots", o->no_plots, "Draw no pictures (report.html has its figures all the same)");
    option(app, "baseline", o->baseline, "Compare the run with this file, by intervals");
    flag(app, "gate", o->gate, "Exit with 5 where a figure is worse than the baseline's, or missing");
    option(app, "tolerance_latency", o->tolerance_latency, "How much times may grow, as a share");
    option(app, "tolerance_throughput", o->tolerance_throughput,
           "How much throughput may shrink, as a share");
    option(app, "update_baseline", o->update_baseline,
           "Write the run's figures into this file, and no report");
    option(app, "quantities", o->quantities,
           "Of --update_baseline: all, times, or ratios (to contiguous of the same run: they hold on other "
           "machines)");
    footer(app,
           "Examples:\n  moewire report run.h5 --output report\n  moewire report monday.h5 tuesday.h5 "
           "--output both\n"
           "  moewire report run.h5 --update_baseline results/baselines/here.csv\n"
           "  moewire report new.h5 --baseline results/baselines/here.csv --gate");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "report", "Say what traces mean: a page with figures, Markdown, tables, pictures; guard a baseline.",
    {declare});

}  // namespace
}  // namespace moewire
