#include "simulate/accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/contract.hpp"
#include "base/statistics.hpp"

namespace moewire {

Accuracy accuracy_of(std::span<Scored const> pairs) {
    Accuracy result;
    if (pairs.empty()) return result;
    std::vector<double> sizes, widths, errors;
    double log_squares = 0, inside = 0;
    for (auto const& pair : pairs) {
        MOEWIRE_EXPECT(pair.predicted_s > 0 && pair.measured_s > 0);
        double const ratio = pair.predicted_s / pair.measured_s;
        errors.push_back(ratio - 1);
        sizes.push_back(std::abs(ratio - 1));
        widths.push_back((pair.high_s - pair.low_s) / pair.predicted_s);
        log_squares += std::log(ratio) * std::log(ratio);
        inside += pair.low_s <= pair.measured_s && pair.measured_s <= pair.high_s ? 1 : 0;
    }
    auto const count = static_cast<double>(pairs.size());
    result.points = pairs.size();
    result.mape = mean(sizes);
    result.median_error = median(sizes);
    result.p95_error = percentile(sizes, 0.95);
    result.max_error = *std::max_element(sizes.begin(), sizes.end());
    result.bias = mean(errors);
    result.log_rmse = std::sqrt(log_squares / count);
    result.coverage = inside / count;
    result.width = median(widths);
    return result;
}

double kendall_tau(std::span<double const> a, std::span<double const> b) {
    MOEWIRE_EXPECT(a.size() == b.size());
    auto const sign = [](double x) { return static_cast<double>(x > 0) - static_cast<double>(x < 0); };
    double agreeing = 0, in_a = 0, in_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            double const of_a = sign(a[i] - a[j]), of_b = sign(b[i] - b[j]);
            agreeing += of_a * of_b;
            in_a += of_a * of_a;
            in_b += of_b * of_b;
        }
    }
    return in_a > 0 && in_b > 0 ? agreeing / std::sqrt(in_a * in_b) : 0;
}

double decision_regret(std::span<double const> predicted_s, std::span<double const> measured_s) {
    MOEWIRE_EXPECT(predicted_s.size() == measured_s.size() && !predicted_s.empty());
    auto const chosen = std::min_element(predicted_s.begin(), predicted_s.end()) - predicted_s.begin();
    return measured_s[static_cast<std::size_t>(chosen)] /
               *std::min_element(measured_s.begin(), measured_s.end()) -
           1;
}

}  // namespace moewire
