// moewire study: all experiments in one folder, from profile to report.
#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/show.hpp"
#include "bench/arms.hpp"
#include "bench/assigning.hpp"
#include "bench/calibrating.hpp"
#include "bench/comparing.hpp"
#include "bench/measuring.hpp"
#include "bench/output_claim.hpp"
#include "bench/places.hpp"
#include "bench/profiling.hpp"
#include "bench/reporting.hpp"
#include "bench/seed_files.hpp"
#include "bench/stages.hpp"
#include "bench/study_notes.hpp"
#include "bench/study_suite.hpp"
#include "system/agreement.hpp"
#include "system/interruption.hpp"
#include "trace/schema.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

struct Options {
    bool resume = false;
    bool quick = false, full = false, skip_finetuning = false, skip_assignment = false, no_plots = false;
    std::string suite, output;
};

std::string suite_name(Options const& o) {
    if (static_cast<int>(o.quick) + static_cast<int>(o.full) + static_cast<int>(!o.suite.empty()) > 1) {
        throw usage_error("--quick, --full and a suite exclude each other; give one");
    }
    return !o.suite.empty() ? o.suite : o.full ? "full" : "quick";
}

// The same folder on all ranks.
fs::path output_folder(Context const& context, Options const& o) {
    if (!o.output.empty()) return o.output;
    if (o.resume) throw usage_error("--resume needs the folder to go on with; name it by --output");
    auto stamp = utc_now();
    std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
    return context.world.broadcast("runs/study-" + stamp);
}

ArmsRequest arms_request(Context const& context, Suite const& suite, fs::path const& folder) {
    ArmsRequest request;
    auto& l = request.learning;
    l.subject = suite.measure.subject;
    l.dataset = split_list(suite.measure.dataset, "--dataset").front();
    l.output_dir = (folder / "finetuning").string();
    l.batch_size = std::max<std::int64_t>(4, context.world.size());  // a sequence for each rank at least
    l.max_length = suite.finetune_length;
    l.learning_rate = suite.finetune_rate;
    l.warmup_steps = 2;
    request.epochs = suite.finetune_epochs;
    request.max_samples = suite.finetune_samples;
    request.set = suite.finetune_arms;
    request.datasets = suite.measure.dataset;
    request.test_windows = suite.finetune_windows;
    request.ranks = context.world.size();
    request.coefficient = suite.finetune_coefficient;
    return request;
}

// The study's last words: what was found beside what the seed expects, where it all is, what matters most.
void finish(Context const& context, fs::path const& folder, MeasureOutcome const& outcome,
            Json const& policies, Json const& arms, bool plots) {
    if (!context.world.is_root()) return;
    auto const findings = find({read_trace(outcome.trace)});
    auto const& run = findings.runs.front();
    auto const page = write_report(findings, {folder, "all", {}, plots});
    if (!policies.is_null()) print(context, "\n" + assignment_table(policies));
    if (!arms.is_null()) print(context, "\n" + arms_table(arms) + arms_answer(arms) + "\n");
    Table expectations(expectation_header());
    for (auto const& row : run.expectations) expectations.add(to_row(row));
    print(context, "\n" + expectations.text(TableStyle::plain));
    print(context,
          fmt::format("\ntrace    {}\nfigures  {}\nmarkdown {}\npage     {}\n\n", outcome.trace.string(),
                      (folder / "plots").string(), (folder / "report.md").string(), page.string()));
    for (auto const& sentence : most_important(run)) print(context, "* " + sentence.text + "\n");
}

// What was predicted beside what was measured.
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
void calibrate_before(Context const& context, Stages& stages, Subject const& subject, fs::path const& folder,
                      MeasureRequest& r) {
    if (context.world.size() == 1 || subject.memory != MemoryKind::host || !r.calibration.empty()) return;
    CalibrateRequest request;
    request.transport = r.transport;
    request.topology = r.topology;
    request.iterations = std::max<std::int64_t>(5, r.calibration_iterations / 2);
    request.seed = r.seed;
    request.timeout_s = r.timeout_s;
    request.output = (folder / "calibration.toml").string();
    stages.run("calibrate, freeze", [&] { calibrate_here(context, request); });
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

Json kept_json(fs::path const& file, bool wanted) {
    return wanted && fs::exists(file) ? Json::parse(read_file(file)) : Json();
}

int end_early(Context const& context, std::string const& signal) {
    bool const resumes = context.command_line.find("--resume") != std::string::npos;
    print(context, fmt::format("ended by {}; go on with: {}{}\n", signal, context.command_line,
                               resumes ? "" : " --resume"));
    return 0;
}

// `perplexities`: by dataset, kept in the folder.
void profile_and_evaluate(Context const& context, Subject& subject, PlainParallel const& parallel,
                          Suite const& suite, fs::path const& folder, std::string const& dataset,
                          Options const& o, Json& perplexities) {
    auto const& r = suite.measure;
    ProfileRequest const request{suite.max_samples, r.window,
                                 (folder / "profiling" / safe_name(dataset)).string(), o.no_plots};
    profile(context, subject, parallel, dataset, Split::test, request);
    if (r.subject.is_synthetic()) return;  // made-up weights have no perplexity
    auto const evaluation =
        evaluate(context, subject, parallel, dataset, Split::test, {"disjoint", r.window, suite.max_windows});
    perplexities[evaluation.dataset] = to_json(evaluation);
    run_on_all(context.world, [&] {
        if (context.world.is_root()) write_file(folder / "perplexity.json", to_text(perplexities));
    });
}

// What routing policies cost; nothing where they are skipped.
Json try_policies(Context const& context, Stages& stages, Subject& subject, PlainParallel const& parallel,
                  Suite const& suite, fs::path const& folder, Options const& o) {
    if (o.skip_assignment) {
        log_note("policies skipped, as asked");
        return {};
    }
    if (suite.measure.subject.is_synthetic()) {
        log_note("policies skipped: what they cost is perplexity, which made-up weights do not have");
        return {};
    }
    auto const request = request_of(suite, folder, o);
    Json policies;
    bool const ran = stages.run("try routing policies", [&] {
        policies = assign(context, subject, parallel, suite.measure.dataset, Split::test, request);
    });
    return ran ? policies
               : kept_json(fs::path(request.output_dir) / "assignment_test_results.json",
                           context.world.is_root());
}

// What balance losses do; nothing where they are skipped.
Json try_losses(Context const& context, Stages& stages, Suite const& suite, fs::path const& folder,
                Options const& o) {
    if (o.skip_finetuning || suite.measure.subject.is_synthetic()) {
        log_note(o.skip_finetuning ? "fine-tuning skipped, as asked"
                                   : "fine-tuning skipped: made-up weights have no perplexity to lose");
        return {};
    }
    auto const& world = context.world;
    auto const request = arms_request(context, suite, folder);
    Json arms;
    bool const ran = stages.run("fine-tune for balance", [&] {
        run_on_all(world, [&] {
            if (world.is_root()) ensure_writable_folder(request.learning.output_dir);
        });
        arms = run_arms(context, request);
    });
    return ran ? arms
               : kept_json(fs::path(request.learning.output_dir) / "arms_results.json", world.is_root());
}

int run(Context const& context, Options const& o) {
    Suite suite;
    fs::path folder;
    auto const& world = context.world;
    run_on_all(world, [&] { suite = read_suite(suite_name(o)); });
    run_on_all(world, [&] { check(suite.measure); });
    folder = output_folder(context, o);
    auto& r = suite.measure;
    r.output = (folder / "run.h5").string();
    r.resume = o.resume;
    InterruptionListener const listener;
    std::optional<Claim> claim;
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        claim_output(folder, claim);
        if (!o.resume) require_fresh(r.output);
    });
    Stages stages(context, folder, suite_name(o), o.resume ? Stages::Start::resume : Stages::Start::fresh);
    log_note(fmt::format("study into {}", folder.string()));
    auto subject = load_subject(world, r.subject, WithTokenizer::yes);
    PlainParallel const parallel(world, subject);

    Json perplexities = kept_json(folder / "perplexity.json", o.resume && world.is_root());
    for (auto const& dataset : split_list(r.dataset, "--dataset")) {
        auto const stage = (r.subject.is_synthetic() ? "profile " : "profile and evaluate ") + dataset;
        stages.run(stage, [&] {
            profile_and_evaluate(context, subject, parallel, suite, folder, dataset, o, perplexities);
        });
        if (auto const signal = listener.heard(world); !signal.empty()) return end_early(context, signal);
    }
    log_note("simulate the seed study's network");
    Attributes notes;  // of rank 0, who writes the trace
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        SeedRequest request;
        request.output_dir = (folder / "simulation").string();
        request.no_plots = o.no_plots;
        notes = simulation_notes(run_seed_study(request));
    });
    auto const policies = try_policies(context, stages, subject, parallel, suite, folder, o);
    if (world.is_root()) notes.merge(policy_notes(policies));
    auto const arms = try_losses(context, stages, suite, folder, o);
    if (auto const signal = listener.heard(world); !signal.empty()) return end_early(context, signal);
    if (world.is_root()) notes.merge(finetune_notes(arms));
    calibrate_before(context, stages, subject, folder, r);
    log_note("predict, measure placements");
    std::vector<Evaluation> evaluations;
    for (auto const& [name, json] : perplexities.items())
        evaluations.push_back(evaluation_of(Document::parse(json.dump())));
    auto const outcome = measure(context, r, subject, parallel, evaluations, notes);
    if (!outcome.interrupted.empty()) {
        print(context, resume_line(context, outcome));
        return 0;
    }
    run_on_all(world, [&] { finish_comparison(context, folder, outcome, !o.no_plots); });
    finish(context, folder, outcome, policies, arms, !o.no_plots);
    return outcome.failed > 0 ? 4 : 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    flag(app, "quick", o->quick, "The suite `quick`: minutes (default)");
    flag(app, "full", o->full, "The suite `full`");
    argument(app, "suite", o->suite, "quick, full, another name in bench/suites, or a TOML file",
             Presence::optional);
    flag(app, "skip_finetuning", o->skip_finetuning, "Leave out fine-tuning for balance");
    flag(app, "skip_assignment", o->skip_assignment, "Leave out routing policies");
    option(app, "output", o->output, "Folder; default: runs/study-<UTC>");
    flag(app, "resume", o->resume,
         "Go on with the study in --output, or start it: only what is missing is done");
    flag(app, "no_plots", o->no_plots, "Draw no figures");
    footer(
        app,
        "Example:\n  mpirun --oversubscribe -n 4 moewire study --quick\n"
        "Leaves profiling/, assignment_tests/, simulation/, finetuning/, perplexity.json, calibration.toml, "
        "run.h5, plots/, comparison.txt, report.html, report.md and CSV files in one folder.");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "study", "All experiments in one folder: profile, simulate, assign, measure, report.", {declare});

}  // namespace
}  // namespace moewire
