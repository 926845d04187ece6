// What do the samples of a case say, and how do cases compare? Numbers only; words are in reports/.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/statistics.hpp"
#include "trace/trace_reader.hpp"

namespace moewire {

// How well one cost model did on one case: both directions of all layers together.
struct ModelScore {
    double predicted_s = 0;      // sum over layers and directions
    double error = 0;            // predicted / measured - 1, of those sums
    std::vector<double> errors;  // the same for each layer and direction
    int inside = 0;              // how many measured medians lie in the predicted interval
    bool has_interval = false;
};

// One measured case. Unit: seconds.
struct CaseSummary {
    std::string key, strategy, dataset, plan_dataset, mode, model, status, reason;
    std::vector<double>
        exchange_s;  // Shape: [iteration]; sum over layers of the slowest rank's transfer, both directions
    std::vector<double> pass_s;   // Shape: [iteration]; the slowest rank's whole iteration
    std::vector<double> wait_s;   // Shape: [iteration]; sum over layers of the longest wait, both directions
    Quantile p50, p95, p99;       // of exchange_s
    Quantile pass_p50;            // of pass_s
    double least_rank_p50_s = 0;  // p50 of the same sum for the fastest rank of each exchange
    double bound_s = 0;           // sum of the resource bounds
    double rank_max_over_mean = 1;  // tokens received per rank: mean over layers
    double worst_layer_max_over_mean = 1;
    std::uint64_t busiest_bytes = 0;  // busiest port, sum over layers, dispatch
    std::uint64_t total_bytes = 0;    // all rows of all ranks, dispatch
    double perplexity = 0;            // 0 where it was not computed
    std::map<std::string, ModelScore> models;
    bool measured() const { return !exchange_s.empty(); }
};

CaseSummary summarise(Record const& record);

enum class Verdict { faster, slower, cannot_tell };

// A against B, iteration by iteration: cases of a group are interleaved, so samples pair.
struct Comparison {
    Quantile ratio;  // median of a_i / b_i and its 95 % interval
    Verdict verdict = Verdict::cannot_tell;
};
// Throws: contract, when the samples do not pair.
Comparison compare(std::vector<double> const& a, std::vector<double> const& b);

// Cases that differ in the strategy alone.
struct Group {
    std::string model, dataset, plan_dataset, mode;
    std::vector<CaseSummary> cases;       // sorted by strategy
    CaseSummary const* baseline() const;  // contiguous, or null
    CaseSummary const* fastest() const;   // least p50 of exchange_s, or null
};
std::vector<Group> group_cases(Trace const& trace);

// How a cost model did over all measured cases of one mode.
struct ModelAccuracy {
    std::string model;
    std::string mode;
    std::size_t exchanges = 0;  // layers x directions x cases
    double median_error = 0;    // median of |predicted / measured - 1|
    double p95_error = 0;
    double bias = 0;      // median of predicted / measured - 1
    double coverage = 0;  // share of medians inside the interval
    bool has_interval = false;
};
std::vector<ModelAccuracy> model_accuracy(std::vector<Group> const& groups);

}  // namespace moewire
