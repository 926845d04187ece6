#include "model/perplexity.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "base/contract.hpp"

namespace moewire {

double WindowScores::nll_sum() const {
    return std::accumulate(nll.begin(), nll.end(), 0.0);
}

std::int64_t WindowScores::target_sum() const {
    return std::accumulate(targets.begin(), targets.end(), std::int64_t{0});
}

double WindowScores::mean_nll() const {
    return nll_sum() / static_cast<double>(target_sum());
}

double WindowScores::standard_error() const {
    auto const n = static_cast<double>(nll.size());
    if (nll.size() < 2) return std::numeric_limits<double>::quiet_NaN();
    double const mean = mean_nll();
    double squares = 0;
    for (std::size_t w = 0; w < nll.size(); ++w) {
        double const residual = nll[w] - mean * static_cast<double>(targets[w]);
        squares += residual * residual;
    }
    return std::sqrt(n / (n - 1) * squares) / static_cast<double>(target_sum());
}

double WindowScores::page_mean_nll() const {
    double total = 0, weights = 0;
    for (std::size_t w = 0; w < nll.size(); ++w) {
        auto const count = static_cast<double>(targets[w]), weight = w == 0 ? count : count - 1;
        total += nll[w] / count * weight;
        weights += weight;
    }
    return total / weights;
}

Interval paired_difference(WindowScores const& a, WindowScores const& b, double confidence) {
    MOEWIRE_EXPECT(a.targets == b.targets && a.nll.size() == b.nll.size() && !a.nll.empty());
    // Each window's part in the mean over all targets: their mean is the difference, whatever their lengths.
    double const scale = static_cast<double>(a.nll.size()) / static_cast<double>(a.target_sum());
    std::vector<double> parts;
    for (std::size_t w = 0; w < a.nll.size(); ++w) parts.push_back((a.nll[w] - b.nll[w]) * scale);
    auto interval = bootstrap_mean(parts, confidence, 0);
    if (parts.size() < 2) interval.low = interval.high = std::numeric_limits<double>::quiet_NaN();
    return interval;
}

}  // namespace moewire
