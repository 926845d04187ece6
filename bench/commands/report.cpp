// moewire report: say what a trace means, from the trace alone.
#include "report/report.hpp"

#include <fmt/format.h>

#include "base/file.hpp"
#include "bench/command.hpp"
#include "bench/places.hpp"

namespace moewire {
namespace {

struct Options {
    std::vector<std::string> traces;
    std::string output = "report", format = "markdown";
    bool no_plots = false;
};

int run(Context const& context, Options const& o) {
    if (!context.world.is_root()) return 0;
    auto const& writer = Registry<ReportWriter>::instance().at(o.format).value;
    std::vector<Trace> traces;
    for (auto const& path : o.traces) traces.push_back(read_trace(path));
    ensure_writable_folder(o.output);
    if (!o.no_plots) {
        for (auto const& path : o.traces) draw("trace", path, std::filesystem::path(o.output) / "plots");
    }
    print(context, fmt::format("wrote {}\n", writer.write(traces, o.output).string()));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    argument(app, "traces", o->traces, "Traces (.h5)");
    option(app, "output", o->output, "Folder to write into");
    option(app, "format", o->format, "One of the report formats in `moewire list`");
    flag(app, "no_plots", o->no_plots, "Draw no figures");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered =
    register_in<Command>("report", "Say what traces mean: Markdown, tables, pictures.", {declare});

}  // namespace
}  // namespace moewire
