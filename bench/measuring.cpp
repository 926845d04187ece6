#include "bench/measuring.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/progress.hpp"
#include "bench/calibrating.hpp"
#include "bench/case_record.hpp"
#include "bench/facts.hpp"
#include "bench/group.hpp"
#include "bench/prediction.hpp"
#include "system/agreement.hpp"
#include "trace/schema.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace {

// Rank 0's trace; on other ranks every call does nothing. A failed write ends the run on all ranks.
class SharedTrace {
  public:
    SharedTrace(Communicator const& world, MeasureRequest const& r) : world_(world) {
        run_on_all(world_, [&] {
            if (world_.is_root())
                writer_.emplace(r.output, r.overwrite ? Existing::overwrite : Existing::refuse);
        });
    }
    void write(Record const& record) {
        run_on_all(world_, [&] {
            if (writer_) writer_->write(record);
        });
    }
    void finish() {
        run_on_all(world_, [&] {
            if (writer_) writer_->finish();
        });
    }

  private:
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
        style_of(r, world.rank(), memory);
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

}  // namespace

MeasureOutcome measure(Context const& context, MeasureRequest const& r, Subject& subject,
                       PlainParallel const& parallel, std::vector<Evaluation> const& evaluations) {
    auto const& world = context.world;
    auto const plan = plan_of(world, r, subject.memory);
    Watchdog watchdog(fmt::format("rank {} of {}", index_of(world.rank()), world.size()), r.timeout_s);
    auto const exchange = guarded(make_exchange(plan.transport, world, subject.memory), watchdog);
    auto const map = node_map_of(world);
    auto const topology = find_topology(world, r.topology, map);
    auto const offsets = clock_offsets(world);

    auto const buffers = std::make_shared<ExchangeBuffers>(subject.memory);
    std::vector<PreparedText> texts;
    for (auto const& dataset : plan.datasets) {
        for (auto const& plan_dataset : plan.plan_datasets)
            texts.push_back(prepare_text({context, subject, parallel, *exchange, map, r, buffers}, dataset,
                                         plan_dataset));
    }
    auto const root = root_record(context, map, offsets, plan.transport, r.seed);
    auto const machine = topology_record(topology);
    std::optional<FrozenCalibration> frozen;
    if (!r.calibration.empty()) frozen = calibration_for(context, r.calibration, root, machine);
    SharedTrace trace(world, r);
    trace.write(root);
    trace.write(machine);
    trace.write(model_record(subject, evaluations));
    auto calibration = calibrate(context, *exchange, plan.transport, r, texts, offsets);
    // Only rank 0 knows whether a line was fitted, and only rank 0 writes.
    if (frozen) add_frozen(*frozen, calibration);
    trace.write(calibration.parameters.line || frozen
                    ? calibration.record
                    : Record{place::calibration, {{"why", calibration.why_no_line}}, {}});

    MeasureOutcome outcome{r.output};
    auto const groups = static_cast<std::int64_t>(texts.size() * plan.modes.size());
    Progress progress("measure", groups * r.iterations, "iterations", progress_style(world.is_root()));
    for (auto const& text : texts) {
        for (auto const mode : plan.modes) {
            std::vector<Record> records;
            for (auto const& one : text.cases) {
                records.push_back(predicted_record(
                    {r, subject, text, one, mode, plan.transport, topology, calibration.parameters}));
                trace.write(records.back());
            }
            auto const results = measure_group({context, subject, *exchange, r, offsets, mode}, text,
                                               [&] { progress.advance(); });
            for (std::size_t i = 0; i < results.size(); ++i) {
                trace.write({records[i].path, results[i].attributes, results[i].datasets});
                count(world, results[i], outcome);
            }
        }
    }
    trace.finish();
    return outcome;
}

}  // namespace moewire
