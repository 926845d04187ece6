#include "bench/group.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/show.hpp"
#include "base/statistics.hpp"
#include "bench/batch_observer.hpp"
#include "bench/pass_figures.hpp"
#include "bench/timeline_record.hpp"
#include "bench/watching.hpp"
#include "gpu/device.hpp"
#include "measure/interleave.hpp"
#include "measure/timeline.hpp"
#include "model/scoring.hpp"
#include "system/agreement.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

// Perplexity under another placement may differ by the order of sums alone.
double drift_limit(Precision precision) {
    return precision == Precision::float32 ? 1e-5 : 2e-2;
}
constexpr std::int64_t sibling_iterations = 10;

// One case while its group runs: how to run an iteration of it, and what was seen.
class RunningCase {
  public:
    RunningCase(GroupSetting const& setting, PreparedText const& text, PreparedCase const& one)
        : setting_(setting),
          text_(text),
          case_(one),
          style_(style_of(setting.request, setting.context.world, setting.exchange.memory())),
          recorder_(iterations(), layers(), Detail::exchanges, setting.exchange.memory()),
          sibling_(sibling_count(), layers(), Detail::all_steps, setting.exchange.memory()),
          passes_(iterations()),
          sibling_passes_(static_cast<std::size_t>(sibling_count())) {
        run_on_all(setting.context.world, [&] {
            if (setting.mode == Mode::in_model && !text.has_model)
                throw unavailable("measure", "a control imposes counts: no model runs under it");
        });
        if (setting.mode == Mode::in_model) load_batches();
    }

    // Collective. Throws on all ranks: failure.
    void verify() {
        case_.replay->verify();
        if (setting_.mode == Mode::replay || case_.routed->perplexity <= 0) return;
        double nll = 0, targets = 0;
        for (std::size_t batch = 0; batch < text_.batches; ++batch) {
            auto const windows = text_.windows_of(batch);
            ScoreRequest request{{}, windows.extent(0)};
            request.wanted.first_target = 1;
            request.wanted.policy = case_.routed->active.get();
            auto const score = score_windows(*setting_.subject.model, windows, request, parallel(batch),
                                             [](ForwardResult const&) {});
            nll += score.nll_sum;
            targets += static_cast<double>(score.targets);
        }
        perplexity_ = std::exp(nll / targets);
        run_on_all(setting_.context.world, [&] {
            if (std::abs(perplexity_ / case_.routed->perplexity - 1) <=
                drift_limit(precision_of(setting_.request.subject.dtype)))
                return;
            throw failure(
                "verify",
                fmt::format("under {}, perplexity is {:.3g} times that with contiguous experts (a placement "
                            "must not change the output); please report this",
                            case_.label, perplexity_ / case_.routed->perplexity));
        });
    }

    void run(std::optional<std::size_t> iteration) { run_with(recorder_, passes_, iteration); }
    void run_sibling(std::optional<std::size_t> iteration) { run_with(sibling_, sibling_passes_, iteration); }

    void watch(std::uint64_t seed) {
        watching_.run(setting_.context.world, setting_.offsets, setting_.exchange.memory(), layers(),
                      setting_.request.iterations, seed,
                      [this](StampRecorder& recorder, PassTimes& passes, auto iteration, Watched watched) {
                          run_with(recorder, passes, iteration, watched);
                      });
    }
    // Collective. Complete on rank 0.
    CaseResult result(std::vector<std::int32_t> const& order) const;

    std::int64_t sibling_count() const {
        return setting_.mode == Mode::in_model ? std::min(setting_.request.iterations, sibling_iterations)
                                               : 0;
    }

  private:
    std::size_t iterations() const { return static_cast<std::size_t>(setting_.request.iterations); }
    std::size_t layers() const { return case_.routed->routing.layers(); }
    ExpertParallel parallel(std::size_t batch) const {
        return {setting_.context.world, setting_.exchange, plans_[batch], *experts_[batch], case_.payload};
    }

    // The plan and the weights of every batch; equal plans share them.
    void load_batches() {
        std::map<std::string, std::shared_ptr<ExpertBank const>> banks;
        for (std::size_t batch = 0; batch < text_.batches; ++batch) {
            plans_.push_back(case_.schedule.plan.slice(batch * text_.layers(), text_.layers()));
            auto& bank = banks[plans_.back().digest()];
            if (!bank)
                bank = setting_.subject.model->load_experts(plans_.back(), setting_.context.world.rank());
            experts_.push_back(bank);
        }
    }

    // Stamps are dropped where nobody is to watch, and while it warms up.
    void run_with(StampRecorder& recorder, PassTimes& passes, std::optional<std::size_t> iteration,
                  Watched watched = Watched::all_steps) {
        recorder.begin_iteration(watched == Watched::by_nobody ? std::nullopt : iteration);
        {
            Watchdog::Wait const wait("the barrier before a pass");
            setting_.context.world.barrier();
        }
        double const start_s = monotonic_s();
        if (setting_.mode == Mode::replay) {
            run_replay(recorder);
        } else {
            for (std::size_t batch = 0; batch < text_.batches; ++batch) run_batch(recorder, batch);
        }
        if (setting_.exchange.memory() == MemoryKind::device) device().synchronise();
        double const took_s = monotonic_s() - start_s;
        recorder.end_iteration();
        if (!iteration) return;
        passes.start_s[*iteration] = start_s;
        passes.took_s[*iteration] = took_s;
    }

    // As a graph: recorded at the first sample, when the warm-up has made all connections.
    void run_replay(StampRecorder& recorder) {
        if (setting_.request.launch != "graph" || !recorder.is_in_iteration())
            return case_.replay->run(&recorder, style_);
        if (!graph_) graph_ = device().capture([&] { case_.replay->run(&recorder, style_); });
        graph_->replay();
    }

    // The weights that a new plan needs move before the batch; the model has its own copies of them loaded
    // already, so that what moves is as many bytes, not the weights themselves.
    void run_batch(StampRecorder& recorder, std::size_t batch) {
        auto const first = batch * text_.layers();
        for (std::size_t layer = 0; layer < text_.layers(); ++layer)
            case_.replay->migrate(make_id<LayerId>(first + layer), &recorder, style_);
        BatchObserver observer(recorder, first);
        Wanted wanted;
        wanted.observer = &observer;
        wanted.policy = case_.routed->active.get();
        setting_.subject.model->forward(text_.windows_of(batch), parallel(batch), wanted);
    }

    void add_sibling(CaseResult& result) const;

    GroupSetting const& setting_;
    PreparedText const& text_;
    PreparedCase const& case_;
    std::vector<Assignment> plans_;                           // Shape: [batch]
    std::vector<std::shared_ptr<ExpertBank const>> experts_;  // Shape: [batch]
    ReplayStyle style_;
    StampRecorder recorder_, sibling_;
    std::unique_ptr<GpuGraph> graph_;
    PassTimes passes_, sibling_passes_;
    Watching watching_;
    double perplexity_ = 0;
};

void RunningCase::add_sibling(CaseResult& result) const {
    auto const& world = setting_.context.world;
    auto const steps = collect(world, sibling_, setting_.offsets);
    auto const with_s = by_rank(world, sibling_passes_.took_s);
    auto const timeline = collect_timeline(world, sibling_, sibling_passes_, setting_.offsets);
    if (!world.is_root()) return;
    add_timeline(timeline, result.datasets);
    result.datasets.push_back(
        make_dataset("steps/duration_s", "s", {"iteration", "layer", "step", "rank"}, steps.steps_s));
    result.datasets.push_back(make_dataset("steps/iteration_host_s", "s", {"iteration", "rank"}, with_s));
    for (int s = 0; s < step_count; ++s)
        result.attributes[fmt::format("step_{}", s)] = std::string(name_of(static_cast<Step>(s)));
}

CaseResult RunningCase::result(std::vector<std::int32_t> const& order) const {
    auto const& world = setting_.context.world;
    auto const samples = collect(world, recorder_, setting_.offsets);
    auto const pass_s = by_rank(world, passes_.took_s);
    CaseResult result;
    if (world.is_root()) {
        auto const add = [&](std::string const& direction, DirectionSamples const& s) {
            std::vector<std::string> const axes{"iteration", "layer", "rank"};
            bool const on_host = s.device_s.size() == 0;  // two clocks never share a column
            result.datasets.push_back(
                make_dataset("measured/" + direction + (on_host ? "_host_s" : "_device_s"), "s", axes,
                             on_host ? s.host_s : s.device_s));
            result.datasets.push_back(make_dataset("measured/" + direction + "_wait_s", "s", axes, s.wait_s));
            result.datasets.push_back(
                make_dataset("measured/" + direction + "_transfer_s", "s", axes, s.transfer_s));
        };
        add("dispatch", samples.dispatch);
        add("combine", samples.combine);
        if (case_.migrated_bytes > 0) add("migration", samples.migration);
        result.datasets.push_back(
            make_dataset("measured/iteration_host_s", "s", {"iteration", "rank"}, pass_s));
        result.datasets.push_back(
            make_dataset("measured/order", "1", {"iteration"}, Grid<std::int32_t, 1>({order.size()}, order)));
        result.attributes = {{"status", std::string(status::ok)}, {"measured_utc", utc_now()}};
        if (recorder_.where() == MemoryKind::device)
            result.attributes["gpu_clock_bound_s"] = samples.clock_bound_s;
        double const perplexity = perplexity_ > 0 ? perplexity_ : case_.routed->perplexity;
        if (perplexity > 0 && !setting_.subject.facts().is_synthetic)
            result.attributes["perplexity"] = perplexity;
    }
    if (sibling_count() > 0) add_sibling(result);
    result.attributes.insert(watching_.found().begin(), watching_.found().end());
    return result;
}

CaseResult failed_result(Error const& error) {
    return {
        {{"status", std::string(error.kind() == ErrorKind::unavailable ? status::waived : status::failed)},
         {"reason", std::string(error.what())},
         {"measured_utc", utc_now()}},
        {}};
}

}  // namespace

std::string name_of(Mode mode) {
    return mode == Mode::replay ? "replay" : "in_model";
}

Mode mode_of(std::string const& name) {
    for (auto const mode : {Mode::replay, Mode::in_model}) {
        if (name == name_of(mode)) return mode;
    }
    throw usage_error(fmt::format("unknown mode '{}'; use one of: replay, in_model", name));
}

std::vector<CaseResult> measure_group(GroupSetting const& setting, PreparedText const& text,
                                      std::function<void()> const& on_iteration) {
    std::vector<CaseResult> results(text.cases.size());
    std::vector<std::unique_ptr<RunningCase>> running;
    std::vector<std::size_t> which;  // the case of each running one
    for (std::size_t i = 0; i < text.cases.size(); ++i) {
        try {
            auto one = std::make_unique<RunningCase>(setting, text, text.cases[i]);
            one->verify();
            running.push_back(std::move(one));
            which.push_back(i);
        } catch (Error const& error) {
            if (error.audience() != Audience::all_ranks) throw;  // only this rank knows: nobody may go on
            results[i] = failed_result(error);
        }
    }
    auto const& r = setting.request;
    auto const order = interleaved_order(running.size(), static_cast<std::size_t>(r.iterations), r.seed);
    run_interleaved(
        order, static_cast<std::size_t>(r.warmups),
        [&](std::size_t c, auto iteration) { running[c]->run(iteration); }, on_iteration);
    if (!running.empty() && running.front()->sibling_count() > 0) {
        auto const count = static_cast<std::size_t>(running.front()->sibling_count());
        run_interleaved(
            interleaved_order(running.size(), count, r.seed + 1), 1,
            [&](std::size_t c, auto iteration) { running[c]->run_sibling(iteration); }, [] {});
        running.front()->watch(r.seed + 2);  // the instrument is the same for all cases
    }
    for (std::size_t c = 0; c < running.size(); ++c)
        results[which[c]] = running[c]->result(positions_of(order, c));
    return results;
}

}  // namespace moewire
