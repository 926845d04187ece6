// How large is a study? The suites `quick` and `full`, and those of others.
#pragma once

#include <cstdint>
#include <string>

#include "bench/measuring.hpp"

namespace moewire {

// What a suite file may set: the options of measure, and how much to profile and evaluate.
struct Suite {
    MeasureRequest measure;
    std::int64_t max_samples = 64, max_windows = 64, assign_samples = 16;
    std::string assign_strategies = "balanced,round_robin,random,load_aware,capacity";
    std::string finetune_arms = "quick";
    std::int64_t finetune_samples = 64, finetune_length = 128, finetune_epochs = 1, finetune_windows = 32;
    double finetune_rate = 3e-4, finetune_coefficient = 0.1;
};

// A name in bench/suites, or a TOML file. Throws: usage.
Suite read_suite(std::string const& name);

}  // namespace moewire
