// What do many samples say? Percentiles, their confidence intervals, and simple moments.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moewire {

double mean(std::span<double const> values);
double median(std::span<double const> values);

// Standard error of the median of many normal samples, sqrt(pi / 2) sigma / sqrt(n), with sigma from the
// median absolute deviation, which outliers do not move; 0 of one sample. Throws: contract, on an empty span.
double median_error(std::span<double const> values);

// The nearest-rank percentile: the smallest sample with at least `fraction` of all samples at or below it.
// `fraction` in (0, 1]. Throws: contract, on an empty span.
double percentile(std::span<double const> values, double fraction);

// A percentile with its interval.
struct Quantile {
    double value = 0;
    double low = 0;            // lower end of the interval
    double high = 0;           // upper end of the interval
    std::int64_t samples = 0;  // n
    bool bounded = true;       // false: n is too small for the asked confidence, an end is the extreme sample
};

// Nearest-rank percentile and a distribution-free interval from order statistics: the number of samples
// below the true quantile is binomial(n, fraction), which gives two ranks that enclose it.
// Source: Hoefler & Belli, Scientific Benchmarking of Parallel Computing Systems, SC'15, rule 5.
Quantile quantile(std::span<double const> values, double fraction, double confidence = 0.95);

// The mean of exchangeable values with its percentile-bootstrap interval, over 2,000 seeded resamples.
// Throws: contract, on an empty span.
struct Interval {
    double value = 0, low = 0, high = 0;
};
Interval bootstrap_mean(std::span<double const> values, double confidence, std::uint64_t seed);

// Sample quantile of |x| such that at least `coverage` of a further exchangeable value fall within it
// (split-conformal rank, ceil((n + 1) coverage)); the largest one where n is too small.
double conformal_radius(std::span<double const> residuals, double coverage);

}  // namespace moewire
