// How good were the predictions of a trace? Every exchange beside its prediction, and tables of both.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/calibrating.hpp"
#include "simulate/accuracy.hpp"
#include "trace/trace_reader.hpp"

namespace moewire {

// One layer, one direction, one case. Unit: seconds.
struct ComparedExchange {
    std::string case_key, strategy, dataset, mode, direction, size_class, skew_class;
    std::size_t layer = 0;
    double busiest_bytes = 0, skew = 1;  // busiest port over mean port
    double measured_s = 0, measured_p99_s = 0, predicted_p99_s = 0;
    std::map<std::string, Scored> of_model;  // written before the measurement; and the baselines
};

struct Choice {  // one text in one mode, strategies against each other
    std::string group;
    std::vector<std::string> strategies;
    std::vector<double> measured_s;
    std::map<std::string, std::vector<double>> predicted_s;  // by model
};

struct CompareGates {
    std::optional<double> mape, p95, bias, least_coverage, most_coverage, regret;  // ratios
};

struct TraceComparison {
    std::string model;      // ours: "calibrated", or "line" where no calibration was named
    std::string elsewhere;  // what was different where that calibration was made; empty: made here
    std::vector<ComparedExchange> exchanges;
    std::vector<Choice> choices;
    std::vector<std::string> models;  // ours, other cost models, baselines: rows of the first table
};

// `frozen`: its keys must be the trace's, unless that says it was carried over. Throws: usage (source
// "compare"), when nothing was measured, or written after it was measured, or the calibration is not this
// trace's.
TraceComparison compare_trace(Trace const& trace, std::optional<FrozenCalibration> const& frozen,
                              std::string const& file);

// Several runs as one: every exchange counts once, and strategies are chosen within their own run.
// Throws: usage (source "compare"), where they were predicted by different models.
TraceComparison joined(std::vector<TraceComparison> runs);

Accuracy accuracy_of_model(TraceComparison const& comparison, std::string const& model);
double mean_regret(TraceComparison const& comparison, std::string const& model);
double mean_tau(TraceComparison const& comparison, std::string const& model);
double p99_error(
    TraceComparison const& comparison);  // median of |predicted / measured - 1|; 0: none was predicted

// Ours, other cost models and six simpler rules, a row each.
std::string model_table(TraceComparison const& comparison);
// The same, then ours by size, skew, strategy, layer, direction and mode.
std::string comparison_text(TraceComparison const& comparison);
std::string comparison_json(TraceComparison const& comparison);

// Is this number normal? A sentence on one measured time among what was predicted for exchanges of that size.
std::string judge_time(TraceComparison const& comparison, double bytes, double time_s);

// What was not met, one line each. Empty: all gates hold.
std::vector<std::string> missed_gates(TraceComparison const& comparison, CompareGates const& gates);

}  // namespace moewire
