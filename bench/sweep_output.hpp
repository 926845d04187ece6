// What came out of a sweep? A table for people, JSON and CSV for programs.
#pragma once

#include <string>
#include <vector>

#include "bench/sweep_request.hpp"
#include "measure/rung_figures.hpp"

namespace moewire {

struct SweptRung {
    SweepRung rung;
    RungSamples samples;
    RungFigures figures;
};

// What is paid once. Unit: seconds, host clock, the slowest rank.
struct SetUp {
    double make_s = 0;         // the exchange made
    double first_call_s = 0;   // one row to every rank: connections
    double second_call_s = 0;  // the same again
};

// Complete on rank 0.
struct Sweep {
    SweepRequest request;
    std::string command_line, exchange, clock;
    int ranks = 1, nodes = 1;
    SetUp set_up;
    std::vector<SweptRung> rungs;  // floor first
};

std::string sweep_table(Sweep const& sweep);
std::string sweep_json(Sweep const& sweep);
std::string sweep_csv(Sweep const& sweep);

}  // namespace moewire
