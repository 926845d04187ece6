// What do the sums of all windows say? Means with their standard error, and the difference between two runs.
#pragma once

#include <cstdint>
#include <vector>

#include "base/statistics.hpp"

namespace moewire {

// Every window's sum of negative log-likelihoods (natural logarithm), and how many targets it is over.
struct WindowScores {
    std::vector<double> nll;            // Shape: [window]
    std::vector<std::int64_t> targets;  // Shape: [window]

    double nll_sum() const;
    std::int64_t target_sum() const;
    double mean_nll() const;  // of a target

    // Of mean_nll: windows are the independent units, since neighbouring targets are not. NaN with one
    // window. Source: the linearised variance of a ratio of sums, Cochran, Sampling Techniques, section 6.4.
    double standard_error() const;

    // As the page on perplexity of transformers weights windows that overlap: the mean of each by its
    // targets, less one for all but the first. Windows of one target drop out.
    double page_mean_nll() const;
};

// Difference of the mean negative log-likelihood, `a` less `b`, over the same windows, with the percentile
// interval of a bootstrap that draws windows in pairs. Both ends are NaN with one window.
// Throws: contract, when their targets differ.
Interval paired_difference(WindowScores const& a, WindowScores const& b, double confidence);

}  // namespace moewire
