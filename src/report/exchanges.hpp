// What was predicted and what was measured, exchange by exchange?
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/statistics.hpp"
#include "trace/trace_reader.hpp"

namespace moewire {

struct Forecast {
    double time_s = 0, low_s = 0, high_s = 0, bound_s = 0;
};

// One direction of one layer of a case. Unit: seconds.
struct ExchangeFigures {
    std::string direction;  // "dispatch" or "combine"
    std::size_t layer = 0;
    Quantile measured;  // over iterations, the slowest rank's transfer; no samples where it was not measured
    std::map<std::string, Forecast> forecasts;  // by cost model
};

// Dispatch of all layers, then combine of all layers; empty where nothing was predicted or measured.
std::vector<ExchangeFigures> exchanges_of(Record const& record);

// Cost models that predicted this case, sorted.
std::vector<std::string> predicting_models(Record const& record);

}  // namespace moewire
