// Which latency and bandwidth fit this machine? The calibration of the cost model `line`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "simulate/cost_model.hpp"

namespace moewire {

// One calibration measurement: the median over iterations of the maximum over ranks.
struct CalibrationPoint {
    std::uint64_t busiest_bytes = 0;  // of the busiest port
    double time_s = 0;
};

// Fits time = latency + bytes / bandwidth with relative errors (every size counts alike, from microseconds to
// seconds), Huber weights against outliers, latency >= 0 and bandwidth > 0. The interval is split-conformal
// over the fit's own points, hence optimistic: few points, same sizes. Throws: failure (source "simulate"),
// with fewer than three sizes or times that do not grow with the bytes.
Line fit_line(std::span<CalibrationPoint const> points);

// Hash of the parameters as they are stored: equal hashes, equal predictions.
std::string digest_of(Line const& line);

// Sizes for the sweep: `count` values in geometric steps from `least_bytes` to `most_bytes`, each moved away
// from the sizes that are to be predicted, so that no case is scored on a size that calibrated it.
std::vector<std::uint64_t> calibration_sizes(std::uint64_t least_bytes, std::uint64_t most_bytes, int count,
                                             std::span<std::uint64_t const> predicted_bytes);

}  // namespace moewire
