#include "bench/arms.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "bench/places.hpp"
#include "bench/policy_trial.hpp"
#include "routing/imbalance.hpp"
#include "simulate/seed_study.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

struct Arm {
    std::string name, loss;  // "" : nothing is learned
    double weight = 0;
    std::string policy;  // that routes when it is evaluated
    bool is_matched = false;
};

std::vector<Arm> arms_of(ArmsRequest const& r) {
    std::vector<Arm> arms{{"base", "", 0, "", false},
                          {"loss_free_bias", "", 0, "loss_free_bias", false},
                          {"zero", "switch", 0, "", false}};
    if (r.set == "quick") {
        arms.push_back({"switch", "switch", r.coefficient, "", false});
        arms.push_back({"gini_matched", "gini", 0, "", true});
        return arms;
    }
    if (r.set != "full") throw usage_error(fmt::format("unknown set of arms '{}'; use quick or full", r.set));
    for (std::string const loss : {"switch", "variance", "cv", "gini", "entropy"}) {
        for (double const factor : {0.1, 1.0, 10.0}) {
            auto const weight = factor * r.coefficient;
            arms.push_back({fmt::format("{}_{:g}", loss, weight), loss, weight, "", false});
        }
        if (loss != "switch") arms.push_back({loss + "_matched", loss, 0, "", true});
    }
    return arms;
}

// How hard a loss of weight 1 pulls on the routers of the untouched model, on the first step's text.
double pull_of(Context const& context, Subject& subject, Batches const& batches, std::string const& loss) {
    PlainParallel const parallel(context.world, subject);
    TrainerOptions options;
    options.lm_weight = 0;
    options.learns = "router";
    options.terms = {{loss, 1.0}};
    Trainer trainer(*subject.model, parallel.view(), options);
    trainer.step(batches.of_step(0, context.world), 0);  // a rate of 0: nothing moves
    return trainer.take_records().front().router_gradient_norm;
}

// The hard Gini, mean over layers, of all windows but each one in turn: what an interval is made from. Shape:
// [window].
std::vector<double> gini_without_window(PolicyTrial const& trial) {
    auto const& load = trial.window_load;
    auto const layers = load.extent(1);
    std::vector<double> without(load.extent(0), 0);
    for (std::size_t layer = 0; layer < layers; ++layer) {
        auto const all = trial.demand.expert_load(make_id<LayerId>(layer));
        for (std::size_t window = 0; window < without.size(); ++window) {
            auto rest = all;
            auto const own = load.row(window, layer);
            for (std::size_t e = 0; e < rest.size(); ++e) rest[e] -= own[e];
            without[window] += imbalance_of(rest).gini / static_cast<double>(layers);
        }
    }
    return without;
}

Json figures_of(PolicyTrial const& trial, ModelFacts const& facts, int ranks) {
    auto const layers = trial.demand.layers();
    auto const experts = static_cast<std::size_t>(facts.experts);
    double gini = 0, rank_max = 0, simulated = 0;
    for (std::size_t layer = 0; layer < layers; ++layer) {
        auto const load = trial.demand.expert_load(make_id<LayerId>(layer));
        std::vector<std::int64_t> of_rank(static_cast<std::size_t>(ranks), 0);
        for (std::size_t e = 0; e < experts; ++e)
            of_rank[e * static_cast<std::size_t>(ranks) / experts] += load[e];
        auto const own = imbalance_of(load).gini;
        SeedStudy study;
        study.num_experts = facts.experts;
        study.num_gpus = ranks;
        study.top_k = static_cast<std::int32_t>(facts.top_k);
        study.hidden_size = facts.hidden_size;
        gini += own / static_cast<double>(layers);
        rank_max += imbalance_of(of_rank).max_over_mean / static_cast<double>(layers);
        simulated += run_seed_level(study, own).p99_s;
    }
    return {{"perplexity", trial.perplexity},
            {"nll_of_window", trial.nll_of_window},
            {"hard_gini", gini},
            {"gini_without_window", gini_without_window(trial)},
            {"rank_max_over_mean", rank_max},
            {"simulated_p99_s", simulated}};
}

class ArmsRun {
  public:
    ArmsRun(Context const& context, ArmsRequest const& request) : context_(context), r_(request) {}

    Json go() {
        auto const arms = arms_of(r_);
        prepare();
        for (auto arm : arms) {
            if (arm.is_matched) arm.weight = matched_weight(arm.loss);
            if (!arm.loss.empty()) learn_one(arm);
            results_["arms"][arm.name] = evaluate_one(arm);
            save();
        }
        if (context_.world.is_root()) draw("arms", file(), fs::path(r_.learning.output_dir) / "plots");
        return results_;
    }

  private:
    fs::path file() const { return fs::path(r_.learning.output_dir) / "arms_results.json"; }

    void prepare() {
        subject_ = load_subject(context_.world, r_.learning.subject, WithTokenizer::yes);
        auto texts = tokens_of(context_, subject_, r_.learning.dataset, Split::train);
        auto const& l = r_.learning;
        run_on_all(context_.world, [&] {
            if (r_.ranks < 1 || r_.ranks > subject_.facts().experts)
                throw usage_error("--arm_ranks must lie between 1 and the number of experts; choose another");
            batches_ = Batches::by_epoch(std::move(texts), {l.batch_size, l.accumulate, l.max_length, l.seed},
                                         r_.max_samples);
        });
        auto const& named = l.subject.model;
        results_ = {{"model", subject_.facts().name},
                    {"source", fs::is_directory(named) ? fs::absolute(named).string() : named},
                    {"dataset", l.dataset},
                    {"ranks", r_.ranks},
                    {"epochs", r_.epochs},
                    {"steps", batches_.steps_of_epoch() * r_.epochs},
                    {"arms", Json::object()}};
    }

    double matched_weight(std::string const& loss) {
        return r_.coefficient * pull_of(context_, subject_, batches_, "switch") /
               std::max(1e-30, pull_of(context_, subject_, batches_, loss));
    }

    fs::path folder_of(Arm const& arm) const { return fs::path(r_.learning.output_dir) / arm.name; }

    void learn_one(Arm const& arm) const {
        auto request = r_.learning;
        request.output_dir = folder_of(arm).string();
        request.imbalance_loss = arm.loss;
        request.imbalance_weight = arm.weight;
        request.load_balance_weight = 0;
        request.valid_windows = 0;
        request.keep_last = 1;
        run_on_all(context_.world, [&] {
            if (context_.world.is_root()) ensure_writable_folder(request.output_dir);
        });
        auto subject = load_subject(context_.world, request.subject, WithTokenizer::yes);
        learn(context_,
              {request, subject, batches_, batches_.steps_of_epoch() * r_.epochs, {}, OnSignal::ignore});
    }

    Json evaluate_one(Arm const& arm) {
        auto request = r_.learning.subject;
        if (!arm.loss.empty()) request.model = (folder_of(arm) / "model").string();
        auto subject = load_subject(context_.world, request, WithTokenizer::yes);
        PlainParallel const parallel(context_.world, subject);
        Json result{{"loss", arm.loss},
                    {"weight", arm.weight},
                    {"matched", arm.is_matched},
                    {"policy", arm.policy},
                    {"datasets", Json::object()}};
        for (auto const& name : split_list(r_.datasets, "--arm_datasets")) {
            TrialText text;
            run_on_all(context_.world, [&] {
                auto const& world = context_.world;
                auto const cut = [&](Split split) {
                    auto const windows = disjoint_windows(tokenise(subject, name, split).tokens,
                                                          r_.learning.max_length, r_.test_windows);
                    return share_of(windows.tokens, world.rank(), world.size());
                };
                text.test = cut(Split::test);
                text.calibration = cut(Split::train);
                text.batch_windows = 4;
            });
            auto const trial = try_policy(context_.world, *subject.model, parallel.view(), text, arm.policy,
                                          r_.learning.seed, [](std::int64_t) {});
            if (context_.world.is_root())
                result["datasets"][name] = figures_of(trial, subject.facts(), r_.ranks);
        }
        return result;
    }

    void save() const {
        run_on_all(context_.world, [&] {
            if (context_.world.is_root()) write_file(file(), to_text(results_));
        });
    }

    Context const& context_;
    ArmsRequest const& r_;
    Subject subject_;
    Batches batches_;
    Json results_;
};

}  // namespace

Json run_arms(Context const& context, ArmsRequest const& request) {
    return ArmsRun(context, request).go();
}

std::string arms_table(Json const& results) {
    auto text = fmt::format("{:<18}{:>10}  {:<12}{:>12}{:>11}{:>15}{:>16}\n", "arm", "weight", "text",
                            "perplexity", "hard Gini", "rank max/mean", "simulated p99");
    for (auto const& [name, arm] : results["arms"].items()) {
        for (auto const& [dataset, f] : arm["datasets"].items())
            text += fmt::format("{:<18}{:>10.4g}  {:<12}{:>12.4f}{:>11.4f}{:>15.4f}{:>13.3f} us\n", name,
                                arm["weight"].get<double>(), dataset, f["perplexity"].get<double>(),
                                f["hard_gini"].get<double>(), f["rank_max_over_mean"].get<double>(),
                                f["simulated_p99_s"].get<double>() * 1e6);
    }
    return text;
}

}  // namespace moewire
