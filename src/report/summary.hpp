// What do the samples of a case say, and how do cases compare? Numbers only; words are in reports/.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/statistics.hpp"
#include "report/binding.hpp"
#include "trace/trace_reader.hpp"

namespace moewire {

// How well one cost model did on one case: both directions of all layers together.
struct ModelScore {
    double predicted_s = 0;      // sum over layers and directions
    double error = 0;            // predicted / measured - 1, of those sums
    std::vector<double> errors;  // the same for each layer and direction
    int inside = 0;              // how many measured medians lie in the predicted interval
    bool has_interval = false;
    bool is_rule = false;  // one of the six of report/simple_rules.hpp: worked out here, from the calibration
};

// One measured case. Unit: seconds.
struct CaseSummary {
    std::string key, strategy, dataset, plan_dataset, mode, model, status, reason;
    std::string policy = "native", payload = "per_expert", policy_scope = "token";
    bool is_bound = false;  // what nobody could run: never a winner
    std::vector<double>
        exchange_s;  // Shape: [iteration]; sum over layers of the slowest rank's transfer, both directions
    std::vector<double> migration_s;  // Shape: [iteration]; the same for expert weights that move, or empty
    std::vector<double> charged_s;  // Shape: [iteration]; exchange and migration: what cases are compared by
    std::vector<double> pass_s;     // Shape: [iteration]; the slowest rank's whole iteration
    std::vector<double> wait_s;   // Shape: [iteration]; sum over layers of the longest wait, both directions
    Quantile p50, p95, p99;       // of charged_s
    Quantile pass_p50;            // of pass_s
    double least_rank_p50_s = 0;  // p50 of the same sum for the fastest rank of each exchange
    double bound_s = 0;           // sum of the resource bounds
    double rank_max_over_mean = 1;  // tokens received per rank: mean over layers
    double worst_layer_max_over_mean = 1;
    std::vector<double> layer_max_over_mean;  // Shape: [layer]
    std::vector<double> layer_p50_s;  // Shape: [layer]; the slowest rank's median, both directions together
    Binding binding;
    Lateness lateness;
    std::uint64_t busiest_bytes = 0;  // busiest port, sum over layers, dispatch
    std::uint64_t total_bytes = 0;    // all rows of all ranks, dispatch
    double perplexity = 0;            // 0 where it was not computed
    double rerouted_ratio = 0;        // choices that the policy took from the router
    double plan_s = 0;
    std::int64_t migrated_bytes = 0;  // expert weights that move while the text runs
    double chance_of_fastest = 0;  // among the strategies of its policy and payload; see report/ranking.hpp
    std::vector<double> spread_s;  // predicted totals of other seeds, sorted; empty but for random
    std::string spread_model;
    std::map<std::string, ModelScore> models;
    bool measured() const { return !exchange_s.empty(); }
    // The strategy, with policy and payload where they are not the usual ones.
    std::string label() const;
    bool is_usual() const { return policy == "native" && payload == "per_expert"; }
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

// Cases that differ in strategy, policy or payload alone; interleaved, so that they compare pair by pair.
struct Group {
    std::string model, dataset, plan_dataset, mode;
    std::vector<CaseSummary> cases;
    CaseSummary const* baseline() const;  // contiguous with the usual policy and payload, or null
    CaseSummary const* twin() const;      // the same placement under another name, or null
    CaseSummary const* fastest() const;   // least p50 among usual cases but bounds and twin, or null
    CaseSummary const* find(std::string const& strategy, std::string const& policy,
                            std::string const& payload) const;  // measured, or null
};
std::vector<Group> group_cases(Trace const& trace);

// How a cost model or a simpler rule did over all measured cases of one mode; cost models first.
struct ModelAccuracy {
    std::string model;
    std::string mode;
    std::size_t exchanges = 0;  // layers x directions x cases
    double median_error = 0;    // median of |predicted / measured - 1|
    double p95_error = 0;
    double bias = 0;      // median of predicted / measured - 1
    double coverage = 0;  // share of medians inside the interval
    bool has_interval = false;
    bool is_rule = false;
};
std::vector<ModelAccuracy> model_accuracy(std::vector<Group> const& groups);

}  // namespace moewire
