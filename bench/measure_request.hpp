// What is to be measured? The options of `moewire measure`, which studies set from suites.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/command.hpp"
#include "bench/subject.hpp"
#include "measure/replay.hpp"

namespace moewire {

struct MeasureRequest {
    SubjectRequest subject;
    std::string dataset = "drama";  // one or several, by comma; "control:..." imposes a routing
    std::string plan_dataset;       // one or several; empty: each dataset's own train split
    std::string strategies = "contiguous,round_robin,random,eplb_pack";  // specs by comma, or "all"
    std::string policies = "native";                                     // specs by comma
    std::string payload = "per_expert";                                  // dispatchers by comma
    bool twin = false;            // contiguous once more, under another name
    std::string mode = "replay";  // replay, in_model, or both
    std::string transport = "auto";
    std::string cadence = "isolated";  // of mode replay: isolated or chained
    std::string launch = "eager";      // of mode replay on a GPU: eager or graph
    std::string cache = "warm";        // of mode replay on a GPU: warm or cold
    std::string delay;  // "RANK:MICROSECONDS", before each of that rank's exchanges in a replay
    std::string topology = "probe";
    std::string calibration;  // a frozen file; empty: the line fitted here alone
    bool transfer = false;    // it may have been made among other ranks, or on another machine
    std::int64_t tokens_per_rank = 1024;
    std::int64_t window = 256;
    std::int64_t batches = 1;  // of tokens_per_rank each; an iteration runs them all
    std::int64_t random_seeds = 20;
    std::int64_t iterations = 50;
    std::int64_t warmups = 3;
    std::int64_t calibration_iterations = 30;
    std::uint64_t seed = 0;
    double bandwidth_gbit_per_s = 100;  // of the cost model `seed`
    double latency_us = 1;
    double timeout_s = default_timeout_s;
    std::string output = "run.h5";
    bool overwrite = false;
    bool resume = false;  // an interrupted run of the same options, or start one
};

// The style of this rank's replays. Throws: usage, for what is no style, or cannot be on this memory.
ReplayStyle style_of(MeasureRequest const& request, Communicator const& world, MemoryKind memory);

void declare_measure_options(CLI::App& app, MeasureRequest& request);

// What makes two runs the same: every option but where results go, one a line.
std::string options_text(MeasureRequest const& request);

// Throws: usage, for numbers that make no sense. Names are checked where they are used.
void check(MeasureRequest const& request);

}  // namespace moewire
