#include "report/slope.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"

namespace moewire {
namespace {

constexpr int resamples = 1000;
constexpr std::size_t fewest_points = 4;

struct Line {
    double slope = 0, at_even = 0;
    bool is_line = false;
};

template <class PointAt>
Line least_squares(std::size_t count, PointAt const& at) {
    double const n = static_cast<double>(count);
    double x = 0, y = 0, xx = 0, xy = 0;
    for (std::size_t i = 0; i < count; ++i) x += at(i).max_over_mean / n, y += at(i).value / n;
    for (std::size_t i = 0; i < count; ++i) {
        double const dx = at(i).max_over_mean - x;
        xx += dx * dx;
        xy += dx * (at(i).value - y);
    }
    // Points of one imbalance have a spread of rounding alone.
    if (xx <= 1e-12 * n) return {};
    return {xy / xx, y - xy / xx * (x - 1), true};
}

}  // namespace

std::optional<ImbalanceLine> fit_imbalance(std::vector<ImbalancePoint> const& points) {
    if (points.size() < fewest_points) return std::nullopt;
    auto const fitted = least_squares(points.size(), [&](std::size_t i) { return points[i]; });
    if (!fitted.is_line) return std::nullopt;
    Random random(0, "resampled imbalance");
    std::vector<double> slopes;
    std::vector<std::size_t> chosen(points.size());
    for (int r = 0; r < resamples; ++r) {
        for (auto& i : chosen) i = static_cast<std::size_t>(random.below(points.size()));
        auto const line = least_squares(points.size(), [&](std::size_t i) { return points[chosen[i]]; });
        if (line.is_line) slopes.push_back(line.slope);
    }
    if (slopes.size() < resamples / 2) return std::nullopt;
    return ImbalanceLine{
        {fitted.slope, percentile(slopes, 0.025), percentile(slopes, 0.975)}, fitted.at_even, points.size()};
}

std::vector<ImbalancePoint> layer_points(Group const& group) {
    std::vector<ImbalancePoint> points;
    for (auto const& one : group.cases) {
        if (!one.measured() || !one.is_usual()) continue;
        for (std::size_t l = 0; l < std::min(one.layer_p50_s.size(), one.layer_max_over_mean.size()); ++l)
            points.push_back({one.layer_max_over_mean[l], one.layer_p50_s[l]});
    }
    return points;
}

std::vector<ImbalancePoint> case_points(std::vector<Group> const& groups, std::string const& mode,
                                        Tail tail) {
    std::vector<ImbalancePoint> points;
    for (auto const& group : groups) {
        if (group.mode != mode) continue;
        std::vector<ImbalancePoint> of_group;
        double sum = 0;
        for (auto const& one : group.cases) {
            if (!one.measured() || !one.is_usual() || one.layer_max_over_mean.empty()) continue;
            double const value_s = tail == Tail::p50 ? one.p50.value : one.p99.value;
            of_group.push_back({one.rank_max_over_mean, value_s});
            sum += value_s;
        }
        for (auto& point : of_group) {
            if (sum <= 0) break;
            point.value *= static_cast<double>(of_group.size()) / sum;
            points.push_back(point);
        }
    }
    return points;
}

}  // namespace moewire
