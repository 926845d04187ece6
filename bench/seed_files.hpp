// What did the seed study leave behind? Its files, with its names.
#pragma once

#include <string>
#include <vector>

#include "simulate/seed_study.hpp"

namespace moewire {

struct SeedRequest {
    SeedStudy study;
    double bandwidth_gbit_per_s = 100;
    double latency_us = 1;
    std::vector<double> imbalance_levels{0.0, 0.2, 0.5, 0.8};
    std::string output_dir = "results/simulation";
    bool no_plots = false;
};

// Runs all levels, writes simulation_results.json and plots/. Throws: usage, for levels or sizes that make no
// sense.
std::vector<SeedLevel> run_seed_study(SeedRequest const& request);

std::string to_table(std::vector<SeedLevel> const& levels);

}  // namespace moewire
