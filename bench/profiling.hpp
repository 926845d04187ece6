// How does a model route a text? The seed study's first experiment, with its files.
#pragma once

#include <filesystem>
#include <string>

#include "base/json.hpp"
#include "bench/subject.hpp"

namespace moewire {

struct ProfileRequest {
    std::int64_t max_samples = 100;  // windows
    std::int64_t max_length = 256;   // tokens of a window
    std::string output_dir = "results/profiling";
    bool no_plots = false;
};

// Collective: all ranks. Routes the windows and writes expert_assignment_stats.json, profiling_report.txt and
// plots/. Returns the statistics on rank 0. Throws on all ranks: usage.
Json profile(Context const& context, Subject& subject, PlainParallel const& parallel,
             std::string const& dataset, Split split, ProfileRequest const& request);

}  // namespace moewire
