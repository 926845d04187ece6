#include "bench/policy_trial.hpp"

#include <algorithm>
#include <cmath>

#include "measure/gather.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

// log of the sum of exponentials, and the values shifted to their largest.
double log_total(std::span<float const> logits) {
    double const most = *std::max_element(logits.begin(), logits.end());
    double total = 0;
    for (float const v : logits) total += std::exp(v - most);
    return most + std::log(total);
}

// Sum over targets of KL(p || q). Shapes: [sequence, position, vocabulary]; position p predicts p + 1.
double kl_sum(Grid<float, 3> const& p, Grid<float, 3> const& q, std::int32_t first_target) {
    double sum = 0;
    for (std::size_t s = 0; s < p.extent(0); ++s) {
        for (auto at = static_cast<std::size_t>(first_target - 1); at + 1 < p.extent(1); ++at) {
            auto const own = p.row(s, at), other = q.row(s, at);
            double const own_log = log_total(own), other_log = log_total(other);
            for (std::size_t v = 0; v < own.size(); ++v) {
                double const log_p = own[v] - own_log;
                sum += std::exp(log_p) * (log_p - (other[v] - other_log));
            }
        }
    }
    return sum;
}

// Choices of `own` that `other` did not make for the same token.
std::int64_t count_changed(Routing const& own, Routing const& other) {
    std::int64_t changed = 0;
    for (std::size_t layer = 0; layer < own.layers(); ++layer) {
        for (std::size_t token = 0; token < own.tokens(); ++token) {
            auto const mine = own.picks.row(layer, token), theirs = other.picks.row(layer, token);
            for (auto const pick : mine)
                changed += std::find(theirs.begin(), theirs.end(), pick) == theirs.end();
        }
    }
    return changed;
}

// Runs the same batch without the policy and adds up how far the two are apart.
class Comparer {
  public:
    Comparer(LanguageModel& model, ExpertParallel const& parallel, TrialText const& text)
        : model_(model), parallel_(parallel), text_(text) {}

    // Collective: all ranks.
    void compare(ForwardResult const& with_policy) {
        auto const positions = std::max<std::size_t>(text_.test.extent(1), 1);
        auto const windows = with_policy.routing.tokens() / positions;
        Wanted wanted;
        wanted.read_out = ReadOut::keep;
        auto const own = model_.forward(some_windows(text_.test, begin_, windows), parallel_, wanted);
        begin_ += windows;
        if (windows == 0) return;
        kl_ += kl_sum(own.logits, with_policy.logits, text_.first_target);
        changed_ += count_changed(own.routing, with_policy.routing);
        for (auto const pick : with_policy.routing.picks.values()) dropped_ += pick == no_pick;
    }

    double kl() const { return kl_; }
    std::int64_t changed() const { return changed_; }
    std::int64_t dropped() const { return dropped_; }

  private:
    LanguageModel& model_;
    ExpertParallel const& parallel_;
    TrialText const& text_;
    std::size_t begin_ = 0;
    double kl_ = 0;
    std::int64_t changed_ = 0, dropped_ = 0;
};

// Every window's tokens for each expert, of all ranks' windows. Shape: [window, layer, expert].
Grid<std::int64_t, 3> gather_window_load(Communicator const& world, Routing const& routing,
                                         std::size_t positions) {
    auto const experts = static_cast<std::size_t>(routing.experts);
    Grid<std::int64_t, 3> load(routing.tokens() / positions, routing.layers(), experts);
    for (std::size_t layer = 0; layer < routing.layers(); ++layer) {
        for (std::size_t token = 0; token < routing.tokens(); ++token) {
            for (auto const pick : routing.picks.row(layer, token))
                if (pick != no_pick) ++load(token / positions, layer, static_cast<std::size_t>(pick));
        }
    }
    auto all = world.gather(std::span<std::int64_t const>(load.values()));
    auto const of_window = routing.layers() * experts;
    auto const windows = of_window == 0 ? 0 : all.size() / of_window;
    return Grid<std::int64_t, 3>({windows, routing.layers(), experts}, std::move(all));
}

}  // namespace

PolicyTrial try_policy(Communicator const& world, LanguageModel& model, ExpertParallel const& parallel,
                       TrialText const& text, std::string const& spec, std::uint64_t seed,
                       std::function<void(std::int64_t)> const& on_windows) {
    PolicyTrial trial;
    std::unique_ptr<ActivePolicy> policy;
    ScoreRequest request;
    request.batch_windows = text.batch_windows;
    if (!spec.empty()) {
        run_on_all(world, [&] { policy = model.make_policy(spec, seed); });
        trial.label = label_of(parse_spec(spec));
        trial.scope = policy->scope();
        request.wanted.policy = policy.get();
        score_windows(model, text.calibration, request, parallel, [](ForwardResult const&) {});
        policy->end_calibration();
        request.wanted.read_out = ReadOut::keep;
    }
    request.wanted.first_target = text.first_target;
    Comparer comparer(model, parallel, text);
    auto const positions = std::max<std::size_t>(text.test.extent(1), 1);
    auto const score = score_windows(model, text.test, request, parallel, [&](ForwardResult const& result) {
        if (policy) comparer.compare(result);
        on_windows(static_cast<std::int64_t>(result.routing.tokens() / positions));
    });
    trial.perplexity = score.perplexity();
    trial.nll_of_window = world.gather(std::span<double const>(score.nll_of_window));
    double const targets = static_cast<double>(positions) - text.first_target;
    for (double& nll : trial.nll_of_window) nll /= targets;
    trial.demand = gather_demand(world, score.routing);
    trial.window_load = gather_window_load(world, score.routing, positions);
    auto const choices = static_cast<double>(score.choices);
    trial.rerouted_ratio = static_cast<double>(score.rerouted) / choices;
    trial.changed_ratio = static_cast<double>(world.sum(comparer.changed())) / choices;
    trial.dropped_ratio = static_cast<double>(world.sum(comparer.dropped())) / choices;
    trial.logit_kl = world.sum(comparer.kl()) / static_cast<double>(score.targets);
    return trial;
}

}  // namespace moewire
