// How long would it take elsewhere? Exchanges from anywhere on any described machine, by any cost model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "simulate/cost_model.hpp"
#include "simulate/seed_study.hpp"
#include "trace/record.hpp"
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
    std::string nccl_version = "2.28.9";  // whose rules the cost models of NCCL follow
    std::string calibration;              // frozen elsewhere, for the cost model `calibrated`
    std::string trace, matrix;
    std::vector<std::string> kineto, imports;
    std::string export_format;
    std::string output_dir;
    bool no_plots = false;
};

// Is anything asked that the seed's study does not know?
bool is_what_if(WhatIfRequest const& request);

// The machine asked for; a bandwidth above 0 is put in the place of that of its cards, or of its ports.
// Throws: usage.
MachineDescription machine_asked_for(WhatIfRequest const& request);
MachineDescription with_bandwidth(MachineDescription machine, double gbit_per_s);

// The counts of ranks to be simulated; one where traffic is given. Throws: usage.
std::vector<int> rank_counts(WhatIfRequest const& request, MachineDescription const& machine);

// Where a trace comes from, and what was measured there.
struct Origin {
    Record topology;        // as the trace keeps it
    double measured_s = 0;  // median over iterations; 0: not measured, or planned anew
    bool is_planned_anew = false;
};

// One exchange or many (layers), and where it comes from.
struct TrafficSource {
    std::string name;       // "gini 0.50", the key of a case, a file
    std::string strategy;   // empty where the traffic is given
    double imbalance = -1;  // Gini of the popularity; below 0: not imposed
    Traffic expected;
    std::vector<Traffic> draws;     // sampled routings, for tails
    std::vector<int> node_of_rank;  // where the ranks of a trace ran; empty: unknown
    std::optional<Origin> origin;   // of a trace
};

// Shape of each: [1 or layers, ranks, ranks]. `node_of_rank` is for strategies that look at nodes.
// Throws: usage.
std::vector<TrafficSource> traffic_sources(WhatIfRequest const& request,
                                           std::vector<std::int32_t> const& node_of_rank);
// Of traces, matrices, profiles and files of other simulators; empty where popularity or a control is
// imposed.
std::vector<TrafficSource> given_sources(WhatIfRequest const& request);
// The line that was fitted for a trace; nothing without a trace, or where none could be.
std::optional<Line> line_of_trace(WhatIfRequest const& request);
// What a trace's tokens make on other ranks, or by other strategies.
std::vector<TrafficSource> replanned_sources(WhatIfRequest const& request,
                                             std::vector<std::int32_t> const& node_of_rank);
// The plan is made from one demand and timed on others, as in a measured case.
TrafficSource planned_source(WhatIfRequest const& request, std::vector<std::int32_t> const& node_of_rank,
                             std::string const& spec, Demand const& plan_demand,
                             std::vector<Demand> const& draws, std::int64_t row_bytes);
std::vector<std::string> strategies_asked_for(WhatIfRequest const& request);

// Ranks that given traffic has; 0 where it is imposed, or may be planned for any number.
int given_ranks(WhatIfRequest const& request);

// One line of the result.
struct WhatIfResult {
    int ranks = 0;
    double bandwidth_gbit_per_s = 0;  // 0: as described
    std::string source, strategy, cost_model;
    double imbalance = -1;
    double time_s = 0, low_s = 0, high_s = 0;  // dispatch and combine of all layers; 90 % interval
    std::int64_t draws = 0;                    // sampled routings
    double p50_s = 0, p99_s = 0;               // over them; 0 where there are none
    double bound_s = 0;
    std::string binding_resource, evidence;
    double total_bytes = 0, crossing_bytes = 0;  // of the dispatch: all rows, and those between ranks
    std::string measured_on;                     // a trace's machine
    double measured_s = 0;                       // the same there; 0: unknown
};

// Throws: usage, for sizes and amounts that make no sense.
void check_what_if(WhatIfRequest const& request);

std::vector<WhatIfResult> run_what_if(WhatIfRequest const& request);

// The same from sums over ranks alone, for any number of them: no matrix is ever written down.
// Throws: usage, where traffic is given, or does not follow from sums.
std::vector<WhatIfResult> run_sums(WhatIfRequest const& request, MachineDescription const& machine,
                                   int ranks);
inline constexpr char const* sums_model = "sums";

// How many of the draws asked for fit, at this many numbers each; says so when they are fewer.
int affordable_draws(WhatIfRequest const& request, int ranks, double numbers_of_each);

// What the seed's study asks, answered from the results; a sentence each, by question: does the maximum rise,
// how do tails react, what does balance save, what do more ranks and bandwidth do, what was measured
// elsewhere.
std::vector<std::vector<std::string>> key_findings(std::vector<WhatIfResult> const& results);

// What a study of the seed says: its levels, and what a balanced placement would save on the same network.
std::vector<std::string> seed_findings(WhatIfRequest const& request, std::vector<SeedLevel> const& levels);

// Writes the exchanges for another simulator, and reads them back. Returns what to print.
// Throws: usage, when several machines are asked for, or the format cannot say this one.
std::string write_exports(WhatIfRequest const& request);

// Writes simulation_results.json, exports and figures, and returns what to print.
std::string report_what_if(WhatIfRequest const& request, std::vector<WhatIfResult> const& results);

}  // namespace moewire
