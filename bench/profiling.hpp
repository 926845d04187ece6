// How does a model route texts? The seed study's first experiment, with its files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "bench/subject.hpp"

namespace moewire {

struct ProfileRequest {
    std::int64_t max_samples = 100;  // windows
    std::int64_t max_length = 256;   // tokens of a window
    std::string output_dir = "results/profiling";
    bool no_plots = false;
    std::string ranks_at = "2,4,8";  // rank counts at which rank-level figures are computed
    std::int64_t batch_windows = 1;  // windows of one batch
};

// "2,4,8" as ascending numbers, each once. Throws: usage, for anything but whole numbers from 2 on.
std::vector<std::int32_t> rank_counts_of(std::string const& list);

// Throws: usage, for numbers that cannot be meant. Needs no model: call it before one is loaded.
void check(ProfileRequest const& request);

// Collective: all ranks. Routes the windows of each of `datasets` (names with commas between them) and writes
// expert_assignment_stats.json, profiling_report.txt and plots/. Returns the statistics on rank 0: those of
// the first dataset, and of all below "domains" where there are several. Throws on all ranks: usage.
Json profile(Context const& context, Subject& subject, PlainParallel const& parallel,
             std::string const& datasets, Split split, ProfileRequest const& request);

}  // namespace moewire
