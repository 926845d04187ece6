#include "bench/learning.hpp"

#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/progress.hpp"
#include "bench/evaluation.hpp"
#include "bench/learning_files.hpp"
#include "bench/places.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"
#include "system/interruption.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

// What must be the same for a run to go on as if it had not stopped.
Json fixed_part(LearningRun const& run) {
    auto const& r = run.request;
    return {{"dataset", r.dataset},
            {"batch_size", r.batch_size},
            {"accumulate", r.accumulate},
            {"max_length", r.max_length},
            {"steps", run.steps},
            {"learning_rate", r.learning_rate},
            {"floor", r.floor},
            {"warmup_steps", r.warmup_steps},
            {"weight_decay", r.weight_decay},
            {"clip_norm", r.clip_norm},
            {"imbalance_loss", r.imbalance_loss},
            {"imbalance_weight", r.imbalance_weight},
            {"load_balance_weight", r.load_balance_weight},
            {"losses", r.losses},
            {"learn", r.learns},
            {"policy", r.policy},
            {"seed", r.seed}};
}

class Session {
  public:
    Session(Context const& context, LearningRun const& run)
        : context_(context),
          run_(run),
          plain_(context.world, run.subject),
          parallel_(plain_.view()),
          terms_(balance_terms(run.request)),
          trainer_(*run.subject.model, parallel_, trainer_options()),
          shelf_(run.request.output_dir, run.request.keep_last, run.resumed_from) {}

    int go() {
        begin();
        std::optional<InterruptionListener> listener;
        if (run_.on_signal == OnSignal::checkpoint) listener.emplace();
        Progress progress("learn", run_.steps - trainer_.steps_done(), "steps",
                          progress_style(context_.world.is_root()));
        looked_s_ = now_s();
        while (trainer_.steps_done() < run_.steps) {
            auto const step = trainer_.steps_done();
            std::vector<Grid<std::int32_t, 2>> batches;
            run_on_all(context_.world, [&] { batches = run_.batches.of_step(step, context_.world); });
            trainer_.step(batches, schedule_.at(step));
            progress.advance();
            if (++unseen_ >= log_every()) look();
            if (listener && !listener->heard(context_.world).empty()) return leave_early();
            after_step(step + 1);
        }
        return finish();
    }

  private:
    TrainerOptions trainer_options() const {
        auto const& r = run_.request;
        TrainerOptions options;
        options.weight_decay = r.weight_decay;
        options.clip_norm = r.clip_norm;
        options.terms = terms_;
        options.learns = r.learns;
        options.recomputes_activations = r.recompute;
        options.policy = r.policy;
        options.seed = r.seed;
        return options;
    }

    std::int64_t log_every() const {
        if (run_.request.log_every > 0) return run_.request.log_every;
        return run_.subject.memory == MemoryKind::device ? 20 : 1;
    }

    void begin() {
        auto const& r = run_.request;
        schedule_ = {r.learning_rate, r.warmup_steps, run_.steps, r.floor};
        history_ = {{"model", run_.subject.facts().name},
                    {"parameters", run_.subject.facts().parameters},
                    {"dtype", r.subject.dtype},
                    {"device", r.subject.device},
                    {"ranks", context_.world.size()},
                    {"command_line", context_.command_line},
                    {"options", fixed_part(run_)},
                    {"steps", Json::array()},
                    {"epochs", Json::array()}};
        if (run_.resumed_from.empty()) return;
        run_on_all(context_.world, [&] {
            auto const old = Json::parse(read_file(run_.resumed_from / "training" / "history.json"));
            if (old.at("options") != history_["options"])
                throw usage_error(fmt::format(
                    "the options differ from those of the run that wrote {} (it would not be the same run "
                    "any more); repeat its command line: {}",
                    run_.resumed_from.string(), old.at("command_line").get<std::string>()));
            history_["steps"] = old.at("steps");
            history_["epochs"] = old.at("epochs");
            if (old.contains("best")) history_["best"] = old.at("best");
        });
        trainer_.load_state(run_.resumed_from / "training");
    }

    // Fetches what the steps since the last look said.
    void look() {
        auto const records = trainer_.take_records();
        auto const seconds =
            (now_s() - looked_s_) / static_cast<double>(std::max<std::size_t>(1, records.size()));
        for (auto const& record : records) {
            if (!record.is_sound) refuse(record);
            history_["steps"].push_back(step_to_json(record, terms_, run_.batches.steps_of_epoch(), seconds));
        }
        unseen_ = 0;
        looked_s_ = now_s();
    }

    [[noreturn]] void refuse(StepRecord const& record) const {
        auto const where =
            record.first_unsound_layer >= 0
                ? fmt::format("layer {} was the first whose results are not finite",
                              record.first_unsound_layer)
                : std::string("every layer's results were finite, the loss or a gradient was not");
        auto error = failure(
            "train",
            fmt::format("step {} has loss {} and gradient norm {} ({}; nothing was learned from it, "
                        "and checkpoints before it are kept); lower --learning_rate or the balance weights",
                        record.step, record.total_loss, record.gradient_norm, where));
        error.set_audience(Audience::all_ranks);
        throw error;
    }

    void after_step(std::int64_t done) {
        auto const& r = run_.request;
        auto const of_epoch = run_.batches.steps_of_epoch();
        bool const epoch_ends = of_epoch > 0 && done % of_epoch == 0;
        bool const evaluates = r.evaluate_every > 0 ? done % r.evaluate_every == 0 : epoch_ends;
        bool const last = done == run_.steps;
        if (evaluates || last) evaluate_now(done, of_epoch);
        if (last || (r.save_every > 0 && done % r.save_every == 0)) checkpoint();
        if (evaluates || last) looked_s_ = now_s();
    }

    void evaluate_now(std::int64_t done, std::int64_t of_epoch) {
        look();
        Json line{{"step", done}};
        if (of_epoch > 0) line["epoch"] = static_cast<double>(done) / static_cast<double>(of_epoch);
        double sum = 0;
        std::int64_t texts = 0;
        if (run_.request.valid_windows > 0) {
            EvaluationRequest const how{.window_tokens = std::min<std::int64_t>(run_.request.max_length, 256),
                                        .max_windows = run_.request.valid_windows};
            for (auto const& name : split_list(run_.request.dataset, "--dataset")) {
                auto const result = evaluate(context_, run_.subject, plain_, name, Split::valid, how);
                line["valid_perplexity"][name] = result.perplexity;
                sum += result.scores.mean_nll();
                ++texts;
            }
        }
        history_["epochs"].push_back(line);
        if (texts > 0) keep_if_best(done, sum / static_cast<double>(texts));
        say(done, line);
    }

    void keep_if_best(std::int64_t done, double nll) {
        if (!run_.request.keep_best) return;
        if (history_.contains("best") && history_["best"]["mean_nll"].get<double>() <= nll) return;
        history_["best"] = {{"step", done}, {"mean_nll", nll}};
        shelf_.publish(run_.subject, parallel_, "model");
    }

    void say(std::int64_t done, Json const& line) const {
        if (history_["steps"].empty()) return;
        auto const& last = history_["steps"].back();
        print(context_,
              fmt::format("step {} of {}: LM {:.4f}, {} {:.5f}, switch {:.4f}, hard Gini {:.4f}, {:.0f} "
                          "tokens/s{}\n",
                          done, run_.steps, last["lm_loss"].get<double>(), terms_[0].spec,
                          last["imbalance_loss"].get<double>(), last["load_balance_loss"].get<double>(),
                          last["hard_gini"].get<double>(), last["tokens_per_s"].get<double>(),
                          line.contains("valid_perplexity")
                              ? ", valid perplexity " + line["valid_perplexity"].dump()
                              : ""));
    }

    fs::path checkpoint() {
        look();
        auto const folder = shelf_.write(run_.subject, parallel_, trainer_, history_);
        write_history();
        return folder;
    }

    void write_history() const {
        run_on_all(context_.world, [&] {
            if (context_.world.is_root())
                write_file(fs::path(run_.request.output_dir) / "training_history.json", to_text(history_));
        });
    }

    int leave_early() {
        auto const folder = checkpoint();
        print(context_,
              fmt::format("stopped on request after step {} of {}; {} is complete. Go on with: {}{}\n",
                          trainer_.steps_done(), run_.steps, folder.string(), context_.command_line,
                          run_.request.resume ? "" : " --resume"));
        return 0;
    }

    int finish() {
        if (unseen_ > 0) look();
        if (!history_.contains("best")) shelf_.publish(run_.subject, parallel_, "model");
        write_history();
        auto const output = fs::path(run_.request.output_dir);
        if (context_.world.is_root()) draw("training", output / "training_history.json", output / "plots");
        print(context_,
              fmt::format("{}: model, training_history.json, checkpoints, plots\n", output.string()));
        return 0;
    }

    static double now_s() { return monotonic_s(); }

    Context const& context_;
    LearningRun const& run_;
    PlainParallel plain_;
    ExpertParallel parallel_;
    std::vector<BalanceTermOptions> terms_;
    Trainer trainer_;
    CheckpointShelf shelf_;
    RateSchedule schedule_;
    Json history_;
    std::int64_t unseen_ = 0;
    double looked_s_ = 0;
};

}  // namespace

int learn(Context const& context, LearningRun const& run) {
    Session session(context, run);
    run_on_all(context.world, [&] {
        if (context.world.is_root()) CheckpointShelf(run.request.output_dir, 1).tidy();
    });
    return session.go();
}

}  // namespace moewire
