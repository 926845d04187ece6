// What did the course study simulate? Communication time of a flat network at given levels of imbalance.
#pragma once

#include <cstdint>
#include <vector>

#include "base/grid.hpp"
#include "simulate/cost_model.hpp"

namespace moewire {

// The study's parameters, with the study's defaults.
struct SeedStudy {
    std::int64_t num_tokens = 1024;
    std::int32_t num_experts = 16;
    int num_gpus = 8;
    SeedNetwork network;
    std::int32_t top_k = 2;
    std::int64_t hidden_size = 4096;
    std::int64_t element_bytes = 2;
    int seeds = 100;  // sampled routings for the percentiles
    std::uint64_t seed = 0;
};

// One level of imbalance.
struct SeedLevel {
    double imbalance = 0;                    // Gini coefficient of the popularity, exactly
    std::vector<double> popularity;          // of each expert, descending: hot experts share the first GPUs
    std::vector<double> sent_bytes;          // Shape: [gpu]; dispatch, to other GPUs, expected
    std::vector<double> received_bytes;      // Shape: [gpu]
    std::vector<double> gpu_time_s;          // Shape: [gpu]; dispatch + combine
    double overall_max_time_s = 0;           // the largest of them
    double mean_time_s = 0;                  // mean over GPUs
    std::vector<double> sampled_max_time_s;  // Shape: [seed]; the same with each choice drawn at random
    double p50_s = 0;                        // of the sampled times
    double p99_s = 0;
};

// Tokens are split evenly over GPUs, experts lie in contiguous blocks, choices of a GPU's tokens follow the
// popularity; bytes = choices x hidden x element size, those of a GPU's own experts cross no network; a GPU's
// time = latency + max(sent, received) / bandwidth for the dispatch and again, swapped, for the combine.
// Throws: usage, for levels that cannot be reached or sizes that make no sense.
SeedLevel run_seed_level(SeedStudy const& study, double imbalance);

}  // namespace moewire
