// moewire compare: what was predicted beside what was measured, from a trace alone.
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "bench/comparing.hpp"
#include "bench/places.hpp"
#include "bench/subject.hpp"
#include "bench/sweep_sizes.hpp"

namespace moewire {
namespace {

struct Options {
    std::vector<std::string> traces;
    std::string calibration, gate, output, bytes;
    double time_us = 0;
    bool json = false, no_plots = false;
};

// "mape=8,p95=15,bias=3,coverage=85-95,regret=3", in percent.
CompareGates gates_of(std::string const& text) {
    CompareGates gates;
    auto const wrong = [&] {
        return usage_error(
            fmt::format("--gate {} is not of the form mape=8,p95=15,bias=3,coverage=85-95,regret=3 "
                        "[percent]; write it so",
                        text));
    };
    auto const number = [&](std::string const& value) {
        char* end = nullptr;
        double const percent = std::strtod(value.c_str(), &end);
        if (value.empty() || *end != 0 || !(percent >= 0 && percent <= 1e6)) throw wrong();
        return percent / 100;
    };
    for (auto const& part : split_list(text, "--gate")) {
        auto const equals = part.find('=');
        if (equals == std::string::npos) throw wrong();
        auto const name = part.substr(0, equals), value = part.substr(equals + 1);
        if (name == "mape")
            gates.mape = number(value);
        else if (name == "p95")
            gates.p95 = number(value);
        else if (name == "bias")
            gates.bias = number(value);
        else if (name == "regret")
            gates.regret = number(value);
        else if (auto const dash = value.find('-'); name == "coverage" && dash != std::string::npos) {
            gates.least_coverage = number(value.substr(0, dash));
            gates.most_coverage = number(value.substr(dash + 1));
        } else
            throw wrong();
    }
    return gates;
}

int run(Context const& context, Options const& o) {
    if (!context.world.is_root()) return 0;
    CompareGates gates;
    if (!o.gate.empty()) gates = gates_of(o.gate);
    if (o.bytes.empty() != (o.time_us == 0))
        throw usage_error(
            "--time and --bytes belong together (a time says nothing without a size); give both");
    if (!(o.time_us >= 0 && o.time_us <= 1e12))
        throw usage_error(fmt::format("--time {} is no time in microseconds; give one above 0", o.time_us));
    std::optional<FrozenCalibration> frozen;
    if (!o.calibration.empty()) frozen = read_calibration(o.calibration);
    std::vector<TraceComparison> runs;
    for (auto const& trace : o.traces) runs.push_back(compare_trace(read_trace(trace), frozen, o.calibration));
    auto const comparison = joined(std::move(runs));
    if (!o.output.empty()) {
        std::filesystem::path const folder(o.output);
        ensure_writable_folder(folder);
        write_file(folder / "comparison.json", comparison_json(comparison));
        write_file(folder / "comparison.txt", comparison_text(comparison));
        if (!o.no_plots) draw("compare", folder / "comparison.json", folder / "plots");
    }
    print(context, o.json ? comparison_json(comparison) : comparison_text(comparison));
    if (!o.bytes.empty())
        print(context, "\n" + judge_time(comparison, static_cast<double>(parse_size(o.bytes, "--bytes")),
                                         o.time_us * 1e-6));
    if (auto const missed = missed_gates(comparison, gates); !missed.empty()) {
        throw Error(
            ErrorKind::gate, "compare",
            fmt::format(
                "{} (the predictions are worse than asked for); calibrate anew, or look at the classes "
                "above",
                fmt::join(missed, "; ")));
    }
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    argument(app, "traces", o->traces, "Traces of `moewire measure` (.h5), compared together");
    option(app, "calibration", o->calibration,
           "The frozen file that must have predicted it; refused where its keys or its hash differ");
    option(app, "gate", o->gate,
           "Exit with 5 beyond these [percent]: mape=8,p95=15,bias=3,coverage=85-95,regret=3");
    option(app, "time", o->time_us, "Is this time of one exchange normal [us]? With --bytes");
    option(app, "bytes", o->bytes, "What its busiest port carried, e.g. 64K");
    option(app, "output", o->output, "Folder for comparison.json, comparison.txt and plots/");
    flag(app, "json", o->json, "Print JSON");
    flag(app, "no_plots", o->no_plots, "Draw no figures");
    footer(app, "Example: moewire compare run.h5 --calibration machine.toml --gate mape=8,coverage=85-95");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "compare", "What was predicted beside what was measured: errors by class, six simpler rules, gates.",
    {declare});

}  // namespace
}  // namespace moewire
