#include "base/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/contract.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

std::vector<double> sorted(std::span<double const> values) {
    std::vector<double> copy(values.begin(), values.end());
    std::sort(copy.begin(), copy.end());
    return copy;
}

std::size_t nearest_rank(std::size_t count, double fraction) {
    // The subtraction keeps 0.95 * 20 = 19.000000000000004 from becoming rank 20.
    auto const rank = static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(count) - 1e-9));
    return static_cast<std::size_t>(std::clamp<std::int64_t>(rank, 1, static_cast<std::int64_t>(count))) - 1;
}

// Cumulative distribution of binomial(n, p) at 0 .. n.
std::vector<double> binomial_cdf(std::size_t n, double p) {
    std::vector<double> cdf(n + 1);
    double total = 0;
    for (std::size_t k = 0; k <= n; ++k) {
        double const log_mass =
            std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(k) + 1) -
            std::lgamma(static_cast<double>(n - k) + 1) + static_cast<double>(k) * std::log(p) +
            static_cast<double>(n - k) * std::log1p(-p);
        total += std::exp(log_mass);
        cdf[k] = std::min(total, 1.0);
    }
    return cdf;
}

}  // namespace

double mean(std::span<double const> values) {
    MOEWIRE_EXPECT(!values.empty());
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double percentile(std::span<double const> values, double fraction) {
    MOEWIRE_EXPECT(!values.empty() && fraction > 0 && fraction <= 1);
    auto copy = std::vector<double>(values.begin(), values.end());
    auto const at = copy.begin() + static_cast<std::ptrdiff_t>(nearest_rank(copy.size(), fraction));
    std::nth_element(copy.begin(), at, copy.end());
    return *at;
}

double median(std::span<double const> values) {
    return percentile(values, 0.5);
}

double median_error(std::span<double const> values) {
    double const middle = median(values);
    std::vector<double> deviations;
    for (double const value : values) deviations.push_back(std::abs(value - middle));
    constexpr double sigma_of_deviation = 1.4826, error_of_sigma = 1.2533;
    return error_of_sigma * sigma_of_deviation * median(deviations) /
           std::sqrt(static_cast<double>(values.size()));
}

Quantile quantile(std::span<double const> values, double fraction, double confidence) {
    MOEWIRE_EXPECT(!values.empty() && fraction > 0 && fraction < 1);
    auto const order = sorted(values);
    auto const n = order.size();
    auto const cdf = binomial_cdf(n, fraction);
    double const tail = (1 - confidence) / 2;

    // X(l) is below the quantile unless at most l-1 samples lie below it: largest l with cdf[l-1] <= tail.
    std::size_t low = 0;
    while (low < n && cdf[low] <= tail) ++low;
    // X(u) is above it when at most u-1 samples lie below it: smallest u with cdf[u-1] >= 1 - tail.
    std::size_t high = 1;
    while (high <= n && cdf[high - 1] < 1 - tail) ++high;

    Quantile result;
    result.value = order[nearest_rank(n, fraction)];
    result.low = order[low == 0 ? 0 : low - 1];
    result.high = order[std::min(high, n) - 1];
    result.samples = static_cast<std::int64_t>(n);
    result.bounded = low > 0 && high <= n;
    return result;
}

double conformal_radius(std::span<double const> residuals, double coverage) {
    MOEWIRE_EXPECT(!residuals.empty());
    std::vector<double> sizes;
    for (double const residual : residuals) sizes.push_back(std::abs(residual));
    std::sort(sizes.begin(), sizes.end());
    auto const rank = static_cast<std::size_t>(std::ceil((static_cast<double>(sizes.size()) + 1) * coverage));
    return sizes[std::min(rank, sizes.size()) - 1];
}

Interval bootstrap_mean(std::span<double const> values, double confidence, std::uint64_t seed) {
    MOEWIRE_EXPECT(!values.empty());
    constexpr int resamples = 2000;
    Random random(seed, "bootstrap of a mean");
    std::vector<double> means;
    for (int r = 0; r < resamples; ++r) {
        double total = 0;
        for (std::size_t i = 0; i < values.size(); ++i)
            total += values[static_cast<std::size_t>(random.below(values.size()))];
        means.push_back(total / static_cast<double>(values.size()));
    }
    double const tail = (1 - confidence) / 2;
    return {mean(values), percentile(means, tail), percentile(means, 1 - tail)};
}

}  // namespace moewire
