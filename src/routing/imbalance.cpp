#include "routing/imbalance.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"

namespace moewire {
namespace {

// Expected maximum of n independent standard normals, by Simpson's rule over [-9, 9].
double expected_normal_maximum(std::int32_t n) {
    constexpr int steps = 2000;
    constexpr double span = 9, step = 2 * span / steps;
    double total = 0;
    for (int i = 0; i <= steps; ++i) {
        double const x = -span + step * i;
        double const density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
        double const below = 0.5 * std::erfc(-x / std::numbers::sqrt2);
        double const weight = (i == 0 || i == steps) ? 1 : (i % 2 == 1 ? 4 : 2);
        total += weight * x * n * density * std::pow(below, n - 1);
    }
    return total * step / 3;
}

std::vector<double> power_law(std::int32_t experts, double exponent) {
    std::vector<double> shares(static_cast<std::size_t>(experts));
    for (std::size_t i = 0; i < shares.size(); ++i) {
        shares[i] = std::exp(-exponent * std::log(static_cast<double>(i) + 1));
    }
    double const total = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& share : shares) share /= total;
    return shares;
}

}  // namespace

double gini_of(std::span<double const> shares) {
    MOEWIRE_EXPECT(!shares.empty());
    std::vector<double> order(shares.begin(), shares.end());
    std::sort(order.begin(), order.end());
    double const n = static_cast<double>(order.size());
    double weighted = 0, total = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        weighted += (2 * (static_cast<double>(i) + 1) - n - 1) * order[i];
        total += order[i];
    }
    return total > 0 ? weighted / (n * total) : 0;
}

Imbalance imbalance_of(std::span<std::int64_t const> loads) {
    MOEWIRE_EXPECT(!loads.empty());
    std::vector<double> const values(loads.begin(), loads.end());
    double const n = static_cast<double>(values.size());
    double const total = std::accumulate(values.begin(), values.end(), 0.0);
    auto const [least, most] = std::minmax_element(values.begin(), values.end());

    Imbalance result;
    result.idle = std::count(loads.begin(), loads.end(), 0);
    if (total <= 0) return result;
    double const average = total / n;
    double squares = 0, entropy = 0;
    for (double const value : values) {
        squares += (value - average) * (value - average);
        if (value > 0) entropy -= value / total * std::log(value / total);
    }
    result.gini = gini_of(values);
    result.cv = std::sqrt(squares / n) / average;
    result.max_over_mean = *most / average;
    result.max_over_min = (*most + 1) / (*least + 1);
    result.entropy = values.size() > 1 ? entropy / std::log(n) : 1;
    return result;
}

NoiseFloor noise_floor(std::int64_t tokens, std::int32_t experts, std::int32_t top_k, std::int32_t groups) {
    MOEWIRE_EXPECT(tokens > 0 && groups > 0 && groups <= experts && top_k <= experts);
    if (groups == 1 || top_k == experts) return {};
    double const e = experts, k = top_k, g = groups;
    double const share = 1 / g;  // of the experts that one group holds
    double const picks = k * share;
    double const variance = k * share * (1 - share) * (e - k) / (e - 1);
    NoiseFloor floor;
    floor.cv = std::sqrt(variance / static_cast<double>(tokens)) / picks;
    floor.gini = floor.cv * std::sqrt((g - 1) / g) / std::sqrt(std::numbers::pi);
    // The loads have a fixed sum: each deviates from the mean as an independent normal does from its sample
    // mean.
    floor.max_over_mean = 1 + expected_normal_maximum(groups) * floor.cv * std::sqrt(g / (g - 1));
    return floor;
}

std::vector<double> popularity_at_gini(std::int32_t experts, double gini) {
    double const largest = 1 - 1.0 / experts;
    if (!(gini >= 0) || gini >= largest) {
        throw usage_error(fmt::format(
            "imbalance {} cannot be reached (the Gini coefficient of {} experts lies in 0 .. {:.4g}); "
            "use a smaller imbalance or more experts",
            gini, experts, largest));
    }
    double low = 0, high = 1;
    while (gini_of(power_law(experts, high)) < gini) high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
        double const middle = (low + high) / 2;
        (gini_of(power_law(experts, middle)) < gini ? low : high) = middle;
    }
    return power_law(experts, gini == 0 ? 0 : (low + high) / 2);
}

}  // namespace moewire
