// moewire trace dump|recover|merge|diff|timeline: look into traces, join them, rebuild those of runs that
// died.
#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "bench/command.hpp"
#include "report/chrome_trace.hpp"
#include "report/timeline_text.hpp"
#include "trace/merge.hpp"
#include "trace/trace_reader.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace {

struct Options {
    std::string first, second;
    bool values = false, json = false;
    std::vector<std::string> inputs;
    std::string key, layers, output = "timeline.json";
    std::int64_t iteration = -1;  // the median
};

int run_recover(Context const& context, Options const& o) {
    auto const r = recover_trace(o.first);
    print(context, fmt::format("recovered {} with {} finished cases\n", r.path.string(), r.finished.size()));
    for (auto const& key : r.finished) print(context, fmt::format("  {}\n", key));
    if (!r.unfinished.empty())
        print(context, fmt::format("left out, not finished: {}\n", fmt::join(r.unfinished, ", ")));
    if (r.damaged_lines > 0)
        print(context, fmt::format("left out, damaged lines of the journal: {}\n", r.damaged_lines));
    if (!r.differing.empty())
        print(context, fmt::format("file and journal differed, the journal was taken: {}\n",
                                   fmt::join(r.differing, ", ")));
    return 0;
}

// Exit code 5 when something is missing: what there is has been merged.
int run_merge(Context const& context, Options const& o) {
    auto const m = merge_traces(o.first, {o.inputs.begin(), o.inputs.end()});
    print(context, fmt::format("merged {} cases into {}\n", m.cases.size(), o.first));
    auto const say = [&](char const* what, std::vector<std::string> const& names) {
        for (auto const& name : names) print(context, fmt::format("  {}: {}\n", what, name));
    };
    say("duplicate, the first was taken", m.duplicates);
    say("interrupted, its whole groups were taken", m.interrupted);
    say("gap, not measured", m.gaps);
    say("gap, nothing was written", m.missing);
    if (m.damaged_lines > 0)
        print(context, fmt::format("  left out, damaged lines of journals: {}\n", m.damaged_lines));
    if (m.is_complete()) return 0;
    throw Error(ErrorKind::gate, "trace",
                fmt::format("{} lacks {} groups and {} whole inputs (listed above); resume those jobs, then "
                            "merge anew",
                            o.first, m.gaps.size(), m.missing.size()));
}

int run_diff(Context const& context, Options const& o) {
    auto const lines = diff(read_trace(o.first), read_trace(o.second));
    for (auto const& line : lines) print(context, line + "\n");
    if (lines.empty()) return 0;
    throw Error(ErrorKind::gate, "trace",
                fmt::format("{} differences between {} and {}; they are listed above", lines.size(), o.first,
                            o.second));
}

// "3-7" or "5", of `layers` layers.
LayerWindow window_of(std::string const& text, std::size_t layers) {
    if (text.empty()) return {0, layers - 1};
    LayerWindow window;
    auto const* const end = text.data() + text.size();
    auto read = std::from_chars(text.data(), end, window.first);
    window.last = window.first;
    if (read.ec == std::errc{} && read.ptr != end && *read.ptr == '-')
        read = std::from_chars(read.ptr + 1, end, window.last);
    if (read.ec == std::errc{} && read.ptr == end && window.first <= window.last && window.last < layers)
        return window;
    throw usage_error(
        fmt::format("--layers {} is no range of layers (the case has 0-{}); give one as 2-5, or "
                    "one layer as 2",
                    text, layers - 1));
}

int run_timeline(Context const& context, Options const& o) {
    auto const trace = read_trace(o.first);
    auto const& record = timeline_case(trace, o.key);
    auto const timeline =
        read_timeline(record, o.iteration == -1 ? std::nullopt : std::optional(o.iteration));
    auto const window = window_of(o.layers, timeline.layers_of_batch());
    write_file(o.output, chrome_trace(trace, timeline, window).dump() + "\n");
    auto const shares = shares_of(timeline);
    print(context, o.json ? to_text(to_json(timeline, shares)) : share_table(shares, TableStyle::plain));
    if (o.json) return 0;
    print(context,
          fmt::format("wrote {}: case {}, iteration {} (kept: {}), layers {}-{}; open it in Perfetto\n",
                      o.output, timeline.key, timeline.iteration, fmt::join(timeline.kept, ", "),
                      window.first, window.last));
    return 0;
}

void declare_timeline(CLI::App& app, Options& o) {
    argument(app, "trace", o.first, "Trace (.h5)");
    option(app, "case", o.key, "Key of a case of mode in_model; default: the first");
    option(app, "iteration", o.iteration,
           "One of the few iterations whose passes are kept: fastest, median and slowest; -1: the median");
    option(app, "layers", o.layers, "Layers to write, as 2-5; default: all");
    option(app, "output", o.output, "File to write (.json)");
    flag(app, "json", o.json, "Print the shares as JSON");
    footer(app,
           "Example:\n  moewire trace timeline RUN.h5 --layers 0-3 --output timeline.json\n"
           "The file opens in Perfetto and chrome://tracing. A picture of the same pass: scripts/plot.py "
           "timeline RUN.h5 --output FOLDER");
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    app.require_subcommand(1);
    auto* const dump_app =
        app.add_subcommand("dump", "Print the tree: attributes, datasets with shape, unit and axes");
    argument(*dump_app, "trace", o->first, "Trace (.h5)");
    flag(*dump_app, "values", o->values, "Print the first values too");
    auto* const recover_app =
        app.add_subcommand("recover", "Rebuild the trace of an interrupted run from its .h5.tmp and .jsonl");
    argument(*recover_app, "trace", o->first, "NAME.h5, NAME.h5.tmp or NAME.jsonl");
    auto* const merge_app = app.add_subcommand(
        "merge",
        "Join traces of several jobs, finished or interrupted; exit code 5 when something is missing");
    argument(*merge_app, "output", o->first, "Trace to write (.h5)");
    argument(*merge_app, "inputs", o->inputs, "NAME.h5, or NAME.jsonl of an interrupted run");
    auto* const diff_app = app.add_subcommand(
        "diff", "Compare two traces; measured times by shape alone; exit code 5 when they differ");
    argument(*diff_app, "first", o->first, "Trace (.h5)");
    argument(*diff_app, "second", o->second, "Trace (.h5)");
    auto* const timeline_app = app.add_subcommand(
        "timeline", "Write one forward pass, every step of every rank, as a Chrome trace; print its shares");
    declare_timeline(*timeline_app, *o);
    return [=](Context const& context) {
        if (!context.world.is_root()) return 0;
        if (timeline_app->parsed()) return run_timeline(context, *o);
        if (recover_app->parsed()) return run_recover(context, *o);
        if (diff_app->parsed()) return run_diff(context, *o);
        if (merge_app->parsed()) return run_merge(context, *o);
        print(context, dump(read_trace(o->first), o->values ? DumpValues::yes : DumpValues::no));
        return 0;
    };
}

bool const registered = register_in<Command>(
    "trace", "Dump, recover, merge or compare traces; write a pass's timeline.", {declare});

}  // namespace
}  // namespace moewire
