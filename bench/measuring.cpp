#include "bench/measuring.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/show.hpp"
#include "bench/facts.hpp"
#include "bench/group.hpp"
#include "bench/prediction.hpp"
#include "routing/imbalance.hpp"
#include "system/agreement.hpp"
#include "trace/schema.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace {

std::string case_key(PreparedText const& text, Subject const& subject, Mode mode,
                     std::string const& strategy) {
    auto const plan = text.plan_dataset == text.dataset ? "" : "-from-" + text.plan_dataset;
    return safe_name(
        fmt::format("{}.{}{}.{}.{}", subject.facts().name, text.dataset, plan, name_of(mode), strategy));
}

void add_axes(Record& record, MeasureRequest const& r, Subject const& subject, PreparedText const& text,
              PreparedCase const& one, Mode mode, std::string const& transport) {
    auto const& facts = subject.facts();
    bool const replay = mode == Mode::replay;
    record.attributes = {
        {"model", facts.name},
        {"dataset", text.dataset},
        {"split", text.split},
        {"plan_dataset", text.plan_dataset},
        {"plan_split", text.plan_split},
        {"strategy", one.strategy},
        {"family", std::string(name_of(one.family))},
        {"policy", std::string("native")},
        {"mode", name_of(mode)},
        {"cadence", std::string(replay ? "isolated" : "chained")},
        {"align", std::string(replay ? "barrier before each exchange" : "barrier before each pass")},
        {"launch", std::string("eager")},
        {"cache", std::string("warm")},
        {"payload", std::string("per_expert")},
        {"transport", transport},
        {"clock", std::string("host")},
        {"dtype", r.subject.dtype},
        {"row_bytes", facts.row_bytes},
        {"top_k", facts.top_k},
        {"experts", std::int64_t{facts.experts}},
        {"tokens_per_rank", static_cast<std::int64_t>(text.windows.size())},
        {"window_tokens", static_cast<std::int64_t>(text.windows.extent(1))},
        {"iterations", r.iterations},
        {"warmups", r.warmups},
        {"seed", static_cast<std::int64_t>(r.seed)},
        {"ranks", std::int64_t{one.assignment.ranks()}},
        {"plan_digest", one.assignment.digest()},
        {"plan_s", one.plan_s},
        {"moved_expert_bytes", one.moved_bytes},
        {"status", std::string(status::predicted)},
        {"predicted_utc", utc_now()}};
}

// Expert-level imbalance of the test text, beside what chance alone would give.
void add_imbalance(Record& record, PreparedText const& text) {
    double sum_of_gini = 0, worst = 0;
    std::int64_t above = 0;
    auto const& demand = text.test_demand;
    for (LayerId const layer : ids<LayerId>(demand.layers())) {
        auto const gini = imbalance_of(demand.expert_load(layer)).gini;
        sum_of_gini += gini;
        worst = std::max(worst, gini);
        above += gini > 0.3 ? 1 : 0;
    }
    auto const tokens = static_cast<std::int64_t>(text.windows.size()) * demand.ranks();
    record.attributes["expert_gini_mean"] = sum_of_gini / static_cast<double>(demand.layers());
    record.attributes["expert_gini_worst_layer"] = worst;
    record.attributes["expert_gini_layers_above_0.3"] = above;
    record.attributes["expert_gini_noise_floor"] =
        noise_floor(tokens, demand.experts(), static_cast<std::int32_t>(text.routing.top_k()),
                    demand.experts())
            .gini;
}

Record predicted_record(MeasureRequest const& r, Subject const& subject, PreparedText const& text,
                        PreparedCase const& one, Mode mode, std::string const& transport,
                        Topology const& topology, ModelParameters const& parameters) {
    Record record{place::case_of(case_key(text, subject, mode, one.strategy)), {}, {}};
    add_axes(record, r, subject, text, one, mode, transport);
    add_imbalance(record, text);
    record.datasets = {
        make_dataset("assignment/expert_of_slot", "1", {"layer", "slot"}, one.assignment.expert_of_slot()),
        make_dataset("assignment/rank_of_slot", "1", {"layer", "slot"}, one.assignment.rank_of_slot()),
        make_dataset("expert_load_tokens", "tokens", {"layer", "source_rank", "expert"},
                     text.test_demand.tokens()),
        make_dataset("plan_load_tokens", "tokens", {"layer", "source_rank", "expert"},
                     text.plan_demand.tokens()),
        make_dataset("traffic_bytes", "bytes", {"layer", "source_rank", "destination_rank"},
                     one.traffic.bytes)};
    add_predictions(record, one.traffic, topology, parameters);
    return record;
}

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
    std::vector<std::string> datasets;
    std::vector<Mode> modes;
    std::string transport;
};

Plan plan_of(Communicator const& world, MeasureRequest const& r) {
    Plan plan;
    run_on_all(world, [&] {
        check(r);
        plan.datasets = split_list(r.dataset, "--dataset");
        for (auto const& name : split_list(r.mode, "--mode")) plan.modes.push_back(mode_of(name));
        plan.transport = r.transport == "auto" ? default_exchange(world) : r.transport;
    });
    return plan;
}

}  // namespace

MeasureOutcome measure(Context const& context, MeasureRequest const& r, Subject& subject,
                       PlainParallel const& parallel, std::vector<Evaluation> const& evaluations) {
    auto const& world = context.world;
    auto const plan = plan_of(world, r);
    Watchdog watchdog(fmt::format("rank {} of {}", index_of(world.rank()), world.size()), r.timeout_s);
    auto const exchange = guarded(make_exchange(plan.transport, world), watchdog);
    auto const map = node_map_of(world);
    auto const topology = find_topology(world, r.topology, map);
    auto const offsets = clock_offsets(world);

    std::vector<PreparedText> texts;
    for (auto const& dataset : plan.datasets)
        texts.push_back(prepare_text(context, subject, parallel, *exchange, r, dataset));
    SharedTrace trace(world, r);
    trace.write(root_record(context, map, offsets, plan.transport, r.seed));
    trace.write(topology_record(topology));
    trace.write(model_record(subject, evaluations));
    auto const calibration = calibrate(context, *exchange, plan.transport, r, texts, offsets);
    // Only rank 0 knows whether a line was fitted, and only rank 0 writes.
    trace.write(calibration.parameters.line
                    ? calibration.record
                    : Record{place::calibration, {{"why", calibration.why_no_line}}, {}});

    std::vector<std::int64_t> counts{0, 0};  // ok, failed
    auto const groups = static_cast<std::int64_t>(texts.size() * plan.modes.size());
    Progress progress("measure", groups * r.iterations, "iterations", progress_style(world.is_root()));
    for (auto const& text : texts) {
        for (auto const mode : plan.modes) {
            std::vector<Record> records;
            for (auto const& one : text.cases) {
                records.push_back(predicted_record(r, subject, text, one, mode, plan.transport, topology,
                                                   calibration.parameters));
                trace.write(records.back());
            }
            auto const results = measure_group({context, subject, *exchange, r, offsets, mode}, text,
                                               [&] { progress.advance(); });
            for (std::size_t i = 0; i < results.size(); ++i) {
                trace.write({records[i].path, results[i].attributes, results[i].datasets});
                auto const state = results[i].attributes.find("status");
                bool const ok = state != results[i].attributes.end() && to_text(state->second) == status::ok;
                ++counts[ok ? 0 : 1];
            }
        }
    }
    trace.finish();
    world.broadcast(counts);  // results are complete on rank 0 alone
    return {r.output, static_cast<int>(counts[0]), static_cast<int>(counts[1])};
}

}  // namespace moewire
