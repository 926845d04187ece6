#include "bench/assigning.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/progress.hpp"
#include "base/show.hpp"
#include "base/statistics.hpp"
#include "bench/places.hpp"
#include "bench/policy_trial.hpp"
#include "bench/profiling.hpp"
#include "routing/imbalance.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

// Means over layers of the experts' loads, and of those of ranks that hold them in equal blocks.
Json imbalance(Demand const& demand, std::vector<std::int32_t> const& rank_counts) {
    double gini = 0, worst = 0, most = 0;
    std::vector<double> of_ranks(rank_counts.size());
    auto const layers = static_cast<double>(demand.layers());
    for (LayerId const layer : ids<LayerId>(demand.layers())) {
        auto const load = demand.expert_load(layer);
        auto const figures = imbalance_of(load);
        gini += figures.gini / layers;
        worst = std::max(worst, figures.gini);
        most += figures.max_over_mean / layers;
        for (std::size_t r = 0; r < rank_counts.size(); ++r) {
            std::vector<std::int64_t> ranks;
            auto next = load.begin();
            for (auto const held : even_capacities(demand.experts(), rank_counts[r])) {
                ranks.push_back(sum(std::vector<std::int64_t>(next, next + held)));
                next += held;
            }
            of_ranks[r] += imbalance_of(ranks).max_over_mean / layers;
        }
    }
    Json json{{"average_gini", gini}, {"maximum_gini", worst}, {"expert_max_over_mean", most}};
    for (std::size_t r = 0; r < rank_counts.size(); ++r)
        json[fmt::format("rank_max_over_mean_at_{}", rank_counts[r])] = of_ranks[r];
    return json;
}

// The seed study's bands of the rise in perplexity.
std::string verdict(double rise) {
    return rise < 0.1 ? "acceptable" : rise <= 0.2 ? "borderline" : "too aggressive";
}

// 95 % interval of perplexity over the baseline's: windows, which are scored alike in both, are resampled in
// pairs. Source: percentile bootstrap.
Json paired_ratio(std::vector<double> const& nll, std::vector<double> const& own) {
    std::vector<double> difference;
    for (std::size_t w = 0; w < nll.size(); ++w) difference.push_back(nll[w] - own[w]);
    auto const interval = bootstrap_mean(difference, 0.95, 0);
    return {{"perplexity_ratio", std::exp(interval.value)},
            {"perplexity_ratio_low", std::exp(interval.low)},
            {"perplexity_ratio_high", std::exp(interval.high)},
            {"paired_windows", static_cast<std::int64_t>(nll.size())}};
}

Json to_json(PolicyTrial const& trial, PolicyTrial const& own, std::vector<std::int32_t> const& ranks) {
    double const rise = trial.perplexity / own.perplexity - 1;
    Json json{{"perplexity", trial.perplexity},
              {"perplexity_increase_percent", 100 * rise},
              {"verdict", verdict(rise)},
              {"robust", rise < 0.15}};
    json.update(paired_ratio(trial.nll_of_window, own.nll_of_window));
    json["logit_kl"] = trial.logit_kl;
    json["share_rerouted"] = trial.rerouted_ratio;
    json["share_changed"] = trial.changed_ratio;
    json["share_dropped"] = trial.dropped_ratio;
    json["depends_on"] = std::string(name_of(trial.scope));
    json["causal"] = trial.scope != PolicyScope::whole_batch;
    json["imbalance_before"] = imbalance(own.demand, ranks);
    json["imbalance"] = imbalance(trial.demand, ranks);
    return json;
}

Json configuration(Subject const& subject, AssignRequest const& r, Windows const& windows, int ranks,
                   std::string const& dataset, Split split) {
    return {{"model", subject.facts().name},
            {"synthetic", subject.facts().is_synthetic},
            {"dataset", dataset},
            {"split", std::string(name_of(split))},
            {"windows", windows.windows()},
            {"window_tokens", r.max_length},
            {"targets", windows.windows() * (r.max_length - windows.first_target)},
            {"batch_windows", r.batch_windows},
            {"ranks", ranks},
            {"calibration_windows", r.calibration_samples},
            {"seed", static_cast<std::int64_t>(r.seed)},
            {"batches", "a rank's consecutive windows, in order; policies see one rank's batch at a time"},
            {"bands", "rise below 10 %: acceptable; 10 to 20 %: borderline; above 20 %: too aggressive"}};
}

struct AssignText {
    std::string name;
    Windows test, calibration;
};

std::vector<AssignText> read_texts(Subject const& subject, std::string const& datasets, Split split,
                                   AssignRequest const& r) {
    std::vector<AssignText> texts;
    for (auto const& dataset : split_list(datasets, "--dataset")) {
        auto const test = tokenise(subject, dataset, split), train = tokenise(subject, dataset, Split::train);
        texts.push_back({test.text.dataset, disjoint_windows(test.tokens, r.max_length, r.max_samples),
                         disjoint_windows(train.tokens, r.max_length, r.calibration_samples)});
    }
    return texts;
}

// Filled on rank 0.
Json assign_text(Context const& context, Subject& subject, PlainParallel const& parallel,
                 AssignText const& text, Split split, AssignRequest const& r) {
    auto const& world = context.world;
    auto const mine = [&](Windows const& windows) {
        return share_of(windows.tokens, world.rank(), world.size());
    };
    TrialText const trial{mine(text.calibration), mine(text.test), text.test.first_target,
                          static_cast<std::size_t>(r.batch_windows)};
    std::vector<std::string> specs{""};
    specs.insert(specs.end(), r.strategies.begin(), r.strategies.end());
    Progress progress("assign " + text.name, static_cast<std::int64_t>(trial.test.extent(0) * specs.size()),
                      "windows", progress_style(world.is_root()));
    std::vector<PolicyTrial> trials;
    for (auto const& spec : specs) {
        trials.push_back(try_policy(world, *subject.model, parallel.view(), trial, spec, r.seed,
                                    [&](std::int64_t done) { progress.advance(done); }));
    }
    Json json;
    if (!world.is_root()) return json;
    std::vector<std::int32_t> ranks;
    for (auto const count : rank_counts_of(r.ranks_at)) {
        if (count <= subject.facts().experts) ranks.push_back(count);
    }
    json["baseline"] = {{"perplexity", trials.front().perplexity},
                        {"imbalance", imbalance(trials.front().demand, ranks)}};
    for (std::size_t t = 1; t < trials.size(); ++t)
        json[trials[t].label] = to_json(trials[t], trials.front(), ranks);
    json["configuration"] = configuration(subject, r, text.test, world.size(), text.name, split);
    return json;
}

}  // namespace

void check(AssignRequest const& r) {
    rank_counts_of(r.ranks_at);
    if (r.batch_windows < 1 || r.calibration_samples < 1) {
        throw usage_error(
            fmt::format("--batch_windows is {} and --calibration_samples {} (a batch holds at least one "
                        "window); use 1 or "
                        "more",
                        r.batch_windows, r.calibration_samples));
    }
    std::vector<std::string> labels{"baseline", "configuration", "domains"};
    for (auto const& text : r.strategies) {
        auto const label = label_of(parse_spec(text));
        if (std::find(labels.begin(), labels.end(), label) != labels.end()) {
            throw usage_error(
                fmt::format("--strategies names {} twice, or a key of the file; name each once", label));
        }
        labels.push_back(label);
    }
}

Json assign(Context const& context, Subject& subject, PlainParallel const& parallel,
            std::string const& datasets, Split split, AssignRequest const& request) {
    auto const& world = context.world;
    std::vector<AssignText> texts;
    std::filesystem::path const folder = request.output_dir;
    run_on_all(world, [&] {
        check(request);
        for (auto const& spec : request.strategies) subject.model->make_policy(spec, request.seed);
        texts = read_texts(subject, datasets, split, request);
        if (world.is_root()) ensure_writable_folder(folder);
    });
    Json domains, json;
    for (auto const& text : texts)
        domains[text.name] = assign_text(context, subject, parallel, text, split, request);
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        json = domains.front();
        if (domains.size() > 1) json["domains"] = domains;
        write_file(folder / "assignment_test_results.json", to_text(json));
        if (!request.no_plots) draw("assign", folder / "assignment_test_results.json", folder / "plots");
    });
    return json;
}

}  // namespace moewire
