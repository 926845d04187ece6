// What does imbalance cost? A straight line through cases, with the interval that resampling gives its slope.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/statistics.hpp"
#include "report/summary.hpp"

namespace moewire {

struct ImbalancePoint {
    double max_over_mean = 1;  // tokens received by the busiest rank over the mean
    double value = 0;          // a time in seconds, or a time over its group's mean
};

// value = at_even + slope * (max_over_mean - 1), least squares.
struct ImbalanceLine {
    Interval slope;      // per 1 of max/mean; 95 % interval over 1,000 resamples of the points, seeded
    double at_even = 0;  // value at max/mean = 1
    std::size_t points = 0;
};

// Nothing where fewer than four points, or points of one imbalance, allow no line.
std::optional<ImbalanceLine> fit_imbalance(std::vector<ImbalancePoint> const& points);

// One point a layer of each case with the usual policy and payload: its busiest rank, and its two exchanges'
// time. Shape: [case, layer], flat.
std::vector<ImbalancePoint> layer_points(Group const& group);

// One point a case with the usual policy and payload, over the mean of its group; groups of `mode` together.
enum class Tail { p50, p99 };
std::vector<ImbalancePoint> case_points(std::vector<Group> const& groups, std::string const& mode, Tail tail);

}  // namespace moewire
