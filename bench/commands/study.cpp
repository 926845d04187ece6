// moewire study: all experiments in one folder, from profile to report.
#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/show.hpp"
#include "bench/assigning.hpp"
#include "bench/calibrating.hpp"
#include "bench/comparing.hpp"
#include "bench/measuring.hpp"
#include "bench/places.hpp"
#include "bench/profiling.hpp"
#include "bench/seed_files.hpp"
#include "report/report.hpp"
#include "report/sentences.hpp"
#include "system/agreement.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

struct Options {
    bool quick = false, full = false, skip_finetuning = false, skip_assignment = false, no_plots = false;
    std::string suite, output;
};

// What a suite file may set: the options of measure, and how much to profile and evaluate.
struct Suite {
    MeasureRequest measure;
    std::int64_t max_samples = 64, max_windows = 64, assign_samples = 16;
    std::string assign_strategies = "balanced,round_robin,random,load_aware,capacity";
};

Suite read_suite(std::string const& name) {
    Suite suite;
    read_options(suite_file(name), "suite", "use the option names of `moewire measure --help`",
                 [&](CLI::App& app) {
                     declare_measure_options(app, suite.measure);
                     option(app, "max_samples", suite.max_samples, "Windows to profile");
                     option(app, "max_windows", suite.max_windows, "Windows to evaluate; 0: all");
                     option(app, "assign_strategies", suite.assign_strategies, "Policies to try, by comma");
                     option(app, "assign_samples", suite.assign_samples, "Windows to try them on");
                 });
    return suite;
}

std::string suite_name(Options const& o) {
    if (static_cast<int>(o.quick) + static_cast<int>(o.full) + static_cast<int>(!o.suite.empty()) > 1) {
        throw usage_error("--quick, --full and a suite exclude each other; give one");
    }
    return !o.suite.empty() ? o.suite : o.full ? "full" : "quick";
}

// The same folder on all ranks.
fs::path output_folder(Context const& context, Options const& o) {
    if (!o.output.empty()) return o.output;
    auto stamp = utc_now();
    std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
    return context.world.broadcast("runs/study-" + stamp);
}

void say_stage(std::string const& text) {
    log_note(text);
}

void finish(Context const& context, fs::path const& folder, MeasureOutcome const& outcome,
            Json const& policies, bool plots) {
    if (!context.world.is_root()) return;
    auto const trace = read_trace(outcome.trace);
    if (plots) draw("trace", outcome.trace, folder / "plots");
    auto const page = Registry<ReportWriter>::instance().at("markdown").value.write({trace}, folder);
    auto const groups = group_cases(trace);
    print(context, "\n");
    for (auto const& sentence : say_answers(groups)) print(context, sentence + "\n");
    if (auto const sentence = say_accuracy(model_accuracy(groups)); !sentence.empty())
        print(context, sentence + "\n");
    if (!policies.is_null()) print(context, "\n" + assignment_table(policies));
    Table expectations({"the seed study expects", "found here", "verdict"});
    for (auto const& row : seed_expectations(trace, groups)) expectations.add(row);
    if (!policies.is_null()) {
        for (auto const& row : policy_expectations(policies)) expectations.add(row);
    }
    if (!expectations.empty()) print(context, "\n" + expectations.text(TableStyle::plain));
    print(context, fmt::format("\nreport   {}\ntrace    {}\nfigures  {}\n", page.string(),
                               outcome.trace.string(), (folder / "plots").string()));
}

// What was predicted beside what was measured: the study's last word.
void finish_comparison(Context const& context, fs::path const& folder, MeasureOutcome const& outcome,
                       bool plots) {
    if (!context.world.is_root() || context.world.size() == 1 || outcome.ok == 0) return;
    auto const comparison = compare_trace(read_trace(outcome.trace), std::nullopt, "");
    write_file(folder / "comparison.txt", comparison_text(comparison));
    write_file(folder / "comparison.json", comparison_json(comparison));
    if (plots) draw("compare", folder / "comparison.json", folder / "plots");
    print(context,
          fmt::format("compared {}\n\n{}", (folder / "comparison.txt").string(), model_table(comparison)));
}

// Freezes what the simulator will say, before anything that it will say is measured.
void calibrate_before(Context const& context, Subject const& subject, fs::path const& folder,
                      MeasureRequest& r) {
    if (context.world.size() == 1 || subject.memory != MemoryKind::host || !r.calibration.empty()) return;
    say_stage("calibrate, freeze");
    CalibrateRequest request;
    request.transport = r.transport;
    request.topology = r.topology;
    request.iterations = std::max<std::int64_t>(5, r.calibration_iterations / 2);
    request.seed = r.seed;
    request.timeout_s = r.timeout_s;
    request.output = (folder / "calibration.toml").string();
    calibrate_here(context, request);
    r.calibration = request.output;
}

AssignRequest request_of(Suite const& suite, fs::path const& folder, Options const& o) {
    AssignRequest request;
    request.strategies = split_list(suite.assign_strategies, "assign_strategies");
    request.max_samples = suite.assign_samples;
    request.max_length = suite.measure.window;
    request.output_dir = (folder / "assignment_tests").string();
    request.no_plots = o.no_plots;
    return request;
}

int run(Context const& context, Options const& o) {
    Suite suite;
    fs::path folder;
    auto const& world = context.world;
    run_on_all(world, [&] { suite = read_suite(suite_name(o)); });
    folder = output_folder(context, o);
    run_on_all(world, [&] {
        check(suite.measure);
        if (world.is_root()) ensure_writable_folder(folder);
    });
    auto& r = suite.measure;
    r.output = (folder / "run.h5").string();
    say_stage(fmt::format("study into {}", folder.string()));
    auto subject = load_subject(world, r.subject, WithTokenizer::yes);
    PlainParallel const parallel(world, subject);

    std::vector<Evaluation> evaluations;
    Json perplexities;
    for (auto const& dataset : split_list(r.dataset, "--dataset")) {
        say_stage((r.subject.is_synthetic() ? "profile " : "profile and evaluate ") + dataset);
        ProfileRequest const request{suite.max_samples, r.window,
                                     (folder / "profiling" / safe_name(dataset)).string(), o.no_plots};
        profile(context, subject, parallel, dataset, Split::test, request);
        if (r.subject.is_synthetic()) continue;  // made-up weights have no perplexity
        evaluations.push_back(evaluate(context, subject, parallel, dataset, Split::test,
                                       {"disjoint", r.window, suite.max_windows}));
        perplexities[evaluations.back().dataset] = to_json(evaluations.back());
    }
    say_stage("simulate the seed study's network");
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        write_file(folder / "perplexity.json", to_text(perplexities));
        SeedRequest request;
        request.output_dir = (folder / "simulation").string();
        request.no_plots = o.no_plots;
        run_seed_study(request);
    });
    Json policies;
    if (o.skip_assignment) {
        say_stage("policies skipped, as asked");
    } else if (r.subject.is_synthetic()) {
        say_stage("policies skipped: what they cost is perplexity, which made-up weights do not have");
    } else {
        say_stage("try routing policies");
        policies = assign(context, subject, parallel, r.dataset, Split::test, request_of(suite, folder, o));
    }
    say_stage(o.skip_finetuning ? "fine-tuning skipped, as asked" : "fine-tuning is not built yet: skipped");
    calibrate_before(context, subject, folder, r);
    say_stage("predict, measure placements");
    auto const outcome = measure(context, r, subject, parallel, evaluations);
    finish(context, folder, outcome, policies, !o.no_plots);
    run_on_all(context.world, [&] { finish_comparison(context, folder, outcome, !o.no_plots); });
    return outcome.failed > 0 ? 4 : 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    flag(app, "quick", o->quick, "The suite `quick`: minutes (default)");
    flag(app, "full", o->full, "The suite `full`");
    argument(app, "suite", o->suite, "quick, full, another name in bench/suites, or a TOML file",
             Presence::optional);
    flag(app, "skip_finetuning", o->skip_finetuning, "Leave out fine-tuning (not built yet)");
    flag(app, "skip_assignment", o->skip_assignment, "Leave out routing policies");
    option(app, "output", o->output, "Folder; default: runs/study-<UTC>");
    flag(app, "no_plots", o->no_plots, "Draw no figures");
    footer(app,
           "Example:\n  mpirun --oversubscribe -n 4 moewire study --quick\n"
           "Leaves profiling/, assignment_tests/, simulation/, perplexity.json, calibration.toml, run.h5, "
           "plots/, report.md "
           "and comparison.txt in one folder.");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "study", "All experiments in one folder: profile, simulate, assign, measure, report.", {declare});

}  // namespace
}  // namespace moewire
