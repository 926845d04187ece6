#include "bench/measuring.hpp"

#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/claim.hpp"
#include "base/error.hpp"
#include "base/progress.hpp"
#include "bench/calibrating.hpp"
#include "bench/case_record.hpp"
#include "bench/facts.hpp"
#include "bench/group.hpp"
#include "bench/output_claim.hpp"
#include "bench/prediction.hpp"
#include "bench/resuming.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"
#include "system/interruption.hpp"
#include "trace/schema.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace {

// Rank 0's trace; on other ranks every call does nothing. A failed write ends the run on all ranks.
class SharedTrace {
  public:
    SharedTrace(Communicator const& world, MeasureRequest const& r, KeptRun const& kept) : world_(world) {
        run_on_all(world_, [&] {
            if (!world_.is_root()) return;
            if (r.resume) {
                writer_.emplace(r.output, kept.records);
            } else {
                writer_.emplace(r.output, r.overwrite ? Existing::overwrite : Existing::refuse);
            }
        });
    }
    void write(Record const& record) {
        run_on_all(world_, [&] {
            if (!writer_) return;
            double const begin_s = monotonic_s();
            writer_->write(record);
            recording_s_ += monotonic_s() - begin_s;
        });
    }
    // `cases`: of this session, over which the time of recording is spread; none: nothing is said of it.
    void finish(int cases) {
        run_on_all(world_, [&] {
            if (!writer_) return;
            if (cases > 0)
                writer_->write({place::root, {{"recording_s", recording_s_}, {"recorded_cases", cases}}, {}});
            writer_->finish();
        });
    }

  private:
    double recording_s_ = 0;  // journal, file and flush, on rank 0, while the others wait
    Communicator world_;
    std::optional<TraceWriter> writer_;
};

struct Plan {
    std::vector<std::string> datasets, plan_datasets;  // an empty plan dataset: the test text's own
    std::vector<Mode> modes;
    std::string transport;
};

Plan plan_of(Communicator const& world, MeasureRequest const& r, MemoryKind memory) {
    Plan plan;
    run_on_all(world, [&] {
        check(r);
        style_of(r, world, memory);
        plan.datasets = split_list(r.dataset, "--dataset");
        plan.plan_datasets = r.plan_dataset.empty() ? std::vector<std::string>{""}
                                                    : split_list(r.plan_dataset, "--plan_dataset");
        for (auto const& name : split_list(r.mode, "--mode")) plan.modes.push_back(mode_of(name));
        plan.transport = r.transport == "auto" ? default_exchange(world, memory) : r.transport;
    });
    return plan;
}

// Collective: all ranks. Results are complete on rank 0 alone.
void count(Communicator const& world, CaseResult const& result, MeasureOutcome& outcome) {
    auto const found = result.attributes.find("status");
    auto const state = world.broadcast(found == result.attributes.end() ? "" : to_text(found->second));
    ++(state == status::ok ? outcome.ok : state == status::waived ? outcome.waived : outcome.failed);
}

std::string group_name(std::string const& dataset, std::string const& plan_dataset, Mode mode) {
    return fmt::format("{} planned from {} in {}", dataset, plan_dataset.empty() ? "its own" : plan_dataset,
                       name_of(mode));
}

// A group that is still to be measured.
struct OpenGroup {
    std::string name;
    std::size_t text = 0;  // index of the prepared text
    Mode mode = Mode::replay;
};

// What is to be measured, and what was; the same on all ranks.
struct Work {
    std::vector<std::pair<std::string, std::string>> texts;  // dataset and plan dataset, of open groups alone
    std::vector<OpenGroup> groups;
    std::string all_groups;  // names, one a line
};

Work work_of(Communicator const& world, Plan const& plan, KeptRun const& kept) {
    Work work;
    auto const done = world.broadcast(fmt::format("{}\n", fmt::join(kept.whole_groups, "\n")));
    for (auto const& dataset : plan.datasets) {
        for (auto const& plan_dataset : plan.plan_datasets) {
            auto const before = work.groups.size();
            for (auto const mode : plan.modes) {
                auto const name = group_name(dataset, plan_dataset, mode);
                work.all_groups += name + "\n";
                if (("\n" + done).find("\n" + name + "\n") == std::string::npos)
                    work.groups.push_back({name, work.texts.size(), mode});
            }
            if (work.groups.size() > before) work.texts.emplace_back(dataset, plan_dataset);
        }
    }
    return work;
}

Record noted(Record record, Attributes const& notes) {
    record.attributes.insert(notes.begin(), notes.end());
    return record;
}

// `here`: this run's keys. What is carried over from where they are the same is no other machine's.
void take_over(FrozenCalibration const& frozen, bool is_carried, CalibrationKeys const& here,
               Topology const& topology, Calibration& calibration) {
    auto const different = is_carried ? differences(frozen.keys, here) : std::vector<std::string>{};
    add_frozen(frozen, different.empty() ? frozen.model : carried_to(frozen.model, topology),
               fmt::format("{}", fmt::join(different, "; ")), calibration);
}

std::vector<PreparedText> texts_of(Work const& work, PreparationSetting const& setting) {
    std::vector<PreparedText> texts;
    for (auto const& [dataset, plan_dataset] : work.texts)
        texts.push_back(prepare_text(setting, dataset, plan_dataset));
    return texts;
}

// All that the groups of one run share.
struct Run {
    Context const& context;
    MeasureRequest const& request;
    Subject& subject;
    Exchange& exchange;
    std::string const& transport;
    Topology const& topology;
    std::vector<ClockOffset> const& offsets;
    Calibration const& calibration;
    SharedTrace& trace;
};

// Passes that are planned on the GPU leave own rows where they are.
ExchangePlan::OwnRows own_rows_in(Run const& run, Mode mode, PreparedCase const& one) {
    bool const is_left = mode == Mode::in_model && run.subject.memory == MemoryKind::device &&
                         one.payload == "per_expert" && one.routed->policy == "native" &&
                         run.exchange.can_leave_own_rows();
    return is_left ? ExchangePlan::OwnRows::left : ExchangePlan::OwnRows::moved;
}

void measure_one(Run const& run, OpenGroup const& group, PreparedText const& text, Progress& progress,
                 MeasureOutcome& outcome) {
    std::vector<Record> records;
    for (auto const& one : text.cases) {
        records.push_back(
            predicted_record({run.request, run.subject, text, one, group.mode, run.transport,
                              own_rows_in(run, group.mode, one), run.topology, run.calibration.parameters}));
        records.back().attributes["group"] = group.name;
        records.back().attributes["group_size"] = std::ssize(text.cases);
        run.trace.write(records.back());
    }
    auto const results =
        measure_group({run.context, run.subject, run.exchange, run.request, run.offsets, group.mode}, text,
                      [&] { progress.advance(); });
    for (std::size_t i = 0; i < results.size(); ++i) {
        run.trace.write({records[i].path, results[i].attributes, results[i].datasets});
        count(run.context.world, results[i], outcome);
    }
}

void write_head(SharedTrace& trace, Record root, Work const& work, MeasureRequest const& r,
                KeptRun const& kept) {
    root.attributes["options"] = options_text(r);
    root.attributes["groups"] = work.all_groups;
    trace.write(kept.is_resumed ? resumed_root(kept, root) : root);
}

}  // namespace

MeasureOutcome measure(Context const& context, MeasureRequest const& r, Subject& subject,
                       PlainParallel const& parallel, std::vector<Evaluation> const& evaluations,
                       Attributes const& notes) {
    auto const& world = context.world;
    InterruptionListener const listener;
    auto const plan = plan_of(world, r, subject.memory);
    std::optional<Claim> claim;
    KeptRun kept;
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        claim_output(r.output, claim);
        if (!r.resume && !r.overwrite) require_fresh(r.output);
        kept = read_kept(context, r);
    });
    auto const work = work_of(world, plan, kept);
    MeasureOutcome outcome;
    outcome.trace = r.output;
    count_kept(context, kept, outcome);
    if (work.groups.empty()) {
        if (!outcome.was_whole) SharedTrace(world, r, kept).finish(0);
        return outcome;
    }
    Watchdog watchdog(fmt::format("rank {} of {}", index_of(world.rank()), world.size()), r.timeout_s);
    auto const exchange = guarded(make_exchange(plan.transport, world, subject.memory), watchdog);
    auto const map = node_map_of(world);
    auto const topology = find_topology(world, r.topology, map);
    auto const offsets = clock_offsets(world);

    auto const texts = texts_of(work, {context, subject, parallel, *exchange, map, r,
                                       std::make_shared<ExchangeBuffers>(subject.memory)});
    auto root = root_record(context, map, offsets, plan.transport, r.seed);
    add_launch(root, subject.memory, r.launch, r.cadence);
    auto const machine = topology_record(topology);
    std::optional<FrozenCalibration> frozen;
    if (!r.calibration.empty()) frozen = calibration_for(context, r.calibration, r.transfer, root, machine);
    SharedTrace trace(world, r, kept);
    write_head(trace, root, work, r, kept);
    trace.write(machine);
    trace.write(noted(model_record(subject, evaluations), notes));
    auto calibration = calibrate(context, *exchange, plan.transport, r, texts, offsets);
    // Only rank 0 knows whether a line was fitted, and only rank 0 writes.
    if (frozen) take_over(*frozen, r.transfer, keys_of(root, machine), topology, calibration);
    trace.write(calibration.parameters.line || frozen
                    ? calibration.record
                    : Record{place::calibration, {{"why", calibration.why_no_line}}, {}});

    Progress progress("measure", std::ssize(work.groups) * r.iterations, "iterations",
                      progress_style(world.is_root()));
    Run const run{context, r, subject, *exchange, plan.transport, topology, offsets, calibration, trace};
    for (std::size_t i = 0; i < work.groups.size(); ++i) {
        outcome.interrupted = listener.heard(world);
        outcome.open_groups = static_cast<int>(work.groups.size() - i);
        if (!outcome.interrupted.empty()) return outcome;  // journal and NAME.h5.tmp stay
        measure_one(run, work.groups[i], texts[work.groups[i].text], progress, outcome);
    }
    outcome.open_groups = 0;
    trace.finish(outcome.ok + outcome.waived + outcome.failed - outcome.kept);
    return outcome;
}

std::string resume_line(Context const& context, MeasureOutcome const& outcome) {
    bool const resumes = context.command_line.find("--resume") != std::string::npos;
    return fmt::format("ended by {} with {} groups still to measure, {} cases kept in {}; go on with: {}{}\n",
                       outcome.interrupted, outcome.open_groups, outcome.ok + outcome.waived,
                       journal_path(outcome.trace).string(), context.command_line,
                       resumes ? "" : " --resume");
}

}  // namespace moewire
