// What does one policy do to one text? Perplexity against the router's own, window by window, and the loads.
#pragma once

#include <string>
#include <vector>

#include "bench/subject.hpp"
#include "model/scoring.hpp"
#include "routing/routing.hpp"

namespace moewire {

// Everything of all ranks, complete on rank 0 alone but for the scalars.
struct PolicyTrial {
    std::string label = "native";
    PolicyScope scope = PolicyScope::token;
    double perplexity = 0;
    std::vector<double> nll_of_window;  // Shape: [window]; mean negative log-likelihood of a target
    Demand demand;                      // Shape: [layer, source rank, expert]
    Grid<std::int64_t, 3> window_load;  // Shape: [window, layer, expert]. Unit: tokens
    double rerouted_ratio = 0;          // choices taken from the router, for the same hidden states
    double changed_ratio = 0;           // choices that differ from those of the run without a policy
    double dropped_ratio = 0;
    double logit_kl = 0;  // mean over targets of KL(router's own || policy); natural logarithm
};

struct TrialText {
    Grid<std::int32_t, 2> calibration, test;  // this rank's windows. Shape: [window, position]
    std::int32_t first_target = 1;
    std::size_t batch_windows = 8;
};

// Collective: all ranks. `spec` empty: the model's own router, whose run the others are compared with.
// `on_windows` is told after each batch how many windows this rank ran.
PolicyTrial try_policy(Communicator const& world, LanguageModel& model, ExpertParallel const& parallel,
                       TrialText const& text, std::string const& spec, std::uint64_t seed,
                       std::function<void(std::int64_t)> const& on_windows);

}  // namespace moewire
