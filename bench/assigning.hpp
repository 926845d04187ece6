// What does a routing policy cost in quality, and what does it even out? The seed study's second experiment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "bench/subject.hpp"

namespace moewire {

struct AssignRequest {
    std::vector<std::string> strategies{"balanced", "round_robin", "random", "load_aware"};  // policy specs
    std::int64_t max_samples = 100;                                                          // windows
    std::int64_t max_length = 256;          // tokens of a window
    std::int64_t batch_windows = 8;         // windows of a rank in one batch
    std::int64_t calibration_samples = 32;  // windows of the train split that policies learn from
    std::string ranks_at = "4";             // rank counts at which loads are compared
    std::uint64_t seed = 0;
    std::string output_dir = "results/assignment_tests";
    bool no_plots = false;
};

// Throws: usage, for numbers that cannot be meant. Needs no model.
void check(AssignRequest const& request);

// Collective: all ranks. Scores each of `datasets` (names with commas between them) under the model's own
// router and under every policy, on the same windows and batches, and writes assignment_test_results.json and
// plots/. Returns the results on rank 0: those of the first dataset, and of all below "domains" where there
// are several. Throws on all ranks: usage.
Json assign(Context const& context, Subject& subject, PlainParallel const& parallel,
            std::string const& datasets, Split split, AssignRequest const& request);

// A table of what was found, for the terminal.
std::string assignment_table(Json const& results);

}  // namespace moewire
