// How long would it take elsewhere? Exchanges from anywhere on any described machine, by any cost model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "simulate/cost_model.hpp"
#include "simulate/seed_study.hpp"
#include "traffic/traffic.hpp"

namespace moewire {

// What `moewire simulate` is asked beyond the seed's study.
struct WhatIfRequest {
    SeedStudy study;            // tokens, experts, rows, draws; its network is the model `seed`'s
    std::string topology;       // name or file; empty: the seed's flat network
    std::vector<double> ranks;  // empty: as described, else num_gpus
    std::vector<double>
        bandwidths;  // Gbit/s of a card, or of a port where there is none; empty: as described
    std::vector<double> imbalance_levels;  // of imposed popularity
    std::string strategies, cost_models, control;
    std::string trace, matrix;
    std::vector<std::string> kineto;
    std::string export_format;
    std::string output_dir;
    bool no_plots = false;
};

// Is anything asked that the seed's study does not know?
bool is_what_if(WhatIfRequest const& request);

// One exchange or many (layers), and where it comes from.
struct TrafficSource {
    std::string name;       // "gini 0.50", the key of a case, a file
    std::string strategy;   // empty where the traffic is given
    double imbalance = -1;  // Gini of the popularity; below 0: not imposed
    Traffic expected;
    std::vector<Traffic> draws;  // sampled routings, for tails
    std::string measured_on;     // name of the machine that a trace was measured on
};

// Shape of each: [1 or layers, ranks, ranks]. Throws: usage.
std::vector<TrafficSource> traffic_sources(WhatIfRequest const& request, int ranks);

// Ranks that given traffic has; 0 where it is imposed.
int given_ranks(WhatIfRequest const& request);

// One line of the result.
struct WhatIfResult {
    int ranks = 0;
    double bandwidth_gbit_per_s = 0;  // 0: as described
    std::string source, strategy, cost_model;
    double imbalance = -1;
    double time_s = 0;            // dispatch and combine of all layers
    std::int64_t draws = 0;       // sampled routings
    double p50_s = 0, p99_s = 0;  // over them; 0 where there are none
    double bound_s = 0;
    std::string binding_resource, evidence;
};

std::vector<WhatIfResult> run_what_if(WhatIfRequest const& request);

// What the seed's study asks, answered from the results; a sentence each.
std::vector<std::string> key_findings(std::vector<WhatIfResult> const& results);

// Writes simulation_results.json, exports and figures, and returns what to print.
std::string report_what_if(WhatIfRequest const& request, std::vector<WhatIfResult> const& results);

}  // namespace moewire
