// How good were the predictions? Errors, bias, intervals, ranking: numbers of pairs alone, nothing measured
// here.
#pragma once

#include <cstddef>
#include <span>

namespace moewire {

// One prediction beside what happened. Unit: seconds, all above 0.
struct Scored {
    double predicted_s = 0, low_s = 0, high_s = 0;
    double measured_s = 0;
};

// An error is predicted / measured - 1; its size is compared, its sign makes the bias. Unit: ratios.
struct Accuracy {
    std::size_t points = 0;
    double mape = 0;          // mean of |error|
    double median_error = 0;  // of |error|
    double p95_error = 0, max_error = 0;
    double bias = 0;      // mean of error
    double log_rmse = 0;  // root mean square of log(predicted / measured)
    double coverage = 0;  // share of measured times in low_s .. high_s
    double width = 0;     // median of (high - low) / predicted; 0: no interval was given
};

// Throws: contract, for a time that is not above 0. Of nothing: all zero.
Accuracy accuracy_of(std::span<Scored const> pairs);

// Do both orders agree? Kendall's tau-b: 1 the same order, -1 the opposite, ties counted in neither; 0 where
// one side is all ties. Source: Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945).
double kendall_tau(std::span<double const> a, std::span<double const> b);

// What choosing by the prediction costs: measured time of the predicted winner over that of the true one,
// less 1. Among equal predictions the first is chosen. Throws: contract, on nothing.
double decision_regret(std::span<double const> predicted_s, std::span<double const> measured_s);

}  // namespace moewire
