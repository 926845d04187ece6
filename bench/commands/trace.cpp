// moewire trace dump|recover|diff: look into traces, and rebuild those of runs that died.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "bench/command.hpp"
#include "trace/trace_reader.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace {

struct Options {
    std::string first, second;
    bool values = false;
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

int run_diff(Context const& context, Options const& o) {
    auto const lines = diff(read_trace(o.first), read_trace(o.second));
    for (auto const& line : lines) print(context, line + "\n");
    if (lines.empty()) return 0;
    throw Error(ErrorKind::gate, "trace",
                fmt::format("{} differences between {} and {}; they are listed above", lines.size(), o.first,
                            o.second));
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
    auto* const diff_app = app.add_subcommand(
        "diff", "Compare two traces; measured times by shape alone; exit code 5 when they differ");
    argument(*diff_app, "first", o->first, "Trace (.h5)");
    argument(*diff_app, "second", o->second, "Trace (.h5)");
    return [=](Context const& context) {
        if (!context.world.is_root()) return 0;
        if (recover_app->parsed()) return run_recover(context, *o);
        if (diff_app->parsed()) return run_diff(context, *o);
        print(context, dump(read_trace(o->first), o->values ? DumpValues::yes : DumpValues::no));
        return 0;
    };
}

bool const registered = register_in<Command>("trace", "Dump, recover or compare traces.", {declare});

}  // namespace
}  // namespace moewire
