#include "simulate/fit_line.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

// Sizes closer than this (as a ratio) count as the same size.
constexpr double same_size = 1.02;

struct Normal {  // sums of weighted least squares for time = a + b bytes
    double w = 0, wx = 0, wxx = 0, wt = 0, wxt = 0;
    void add(double weight, double x, double t) {
        w += weight;
        wx += weight * x;
        wxx += weight * x * x;
        wt += weight * t;
        wxt += weight * x * t;
    }
};

struct Coefficients {
    double latency_s = 0, s_per_byte = 0;
    double at(double bytes) const { return latency_s + s_per_byte * bytes; }
};

Coefficients solve(Normal const& n) {
    double const determinant = n.w * n.wxx - n.wx * n.wx;
    Coefficients c{(n.wt * n.wxx - n.wxt * n.wx) / determinant, (n.w * n.wxt - n.wx * n.wt) / determinant};
    if (c.latency_s < 0) c = {0, n.wxt / n.wxx};
    return c;
}

// Iteratively reweighted: 1/t^2 makes errors relative, Huber's weight caps outliers at three times the
// typical one.
Coefficients fit(std::span<CalibrationPoint const> points) {
    std::vector<double> huber(points.size(), 1.0);
    Coefficients c;
    for (int round = 0; round < 30; ++round) {
        Normal normal;
        for (std::size_t i = 0; i < points.size(); ++i) {
            double const t = points[i].time_s;
            normal.add(huber[i] / (t * t), static_cast<double>(points[i].busiest_bytes), t);
        }
        c = solve(normal);
        std::vector<double> errors;
        for (auto const& p : points)
            errors.push_back(std::abs(c.at(static_cast<double>(p.busiest_bytes)) / p.time_s - 1));
        double const limit = std::max(3 * 1.4826 * median(errors), 1e-12);
        for (std::size_t i = 0; i < points.size(); ++i) huber[i] = errors[i] <= limit ? 1 : limit / errors[i];
    }
    return c;
}

}  // namespace

Line fit_line(std::span<CalibrationPoint const> points) {
    std::set<std::uint64_t> sizes;
    for (auto const& point : points) {
        if (!(point.time_s > 0))
            throw failure("simulate", "a calibration time is not positive; run the sweep again");
        sizes.insert(point.busiest_bytes);
    }
    if (sizes.size() < 3) {
        throw failure("simulate",
                      fmt::format("{} calibration sizes (a line with an error estimate needs 3); sweep more "
                                  "sizes",
                                  sizes.size()));
    }
    auto const c = fit(points);
    if (!(c.s_per_byte > 0)) {
        throw failure("simulate",
                      "calibration times do not grow with the bytes (the machine is too noisy); run again "
                      "with more iterations");
    }
    std::vector<double> residuals;
    for (auto const& p : points) {
        residuals.push_back(std::log(p.time_s / c.at(static_cast<double>(p.busiest_bytes))));
    }
    return {c.latency_s, 1 / c.s_per_byte, conformal_radius(residuals, 0.9), *sizes.begin(), *sizes.rbegin()};
}

std::string digest_of(Line const& line) {
    Digest digest;
    digest.update(fmt::format("line {:a} {:a} {:a} {} {}", line.latency_s, line.bandwidth_bytes_per_s,
                              line.log_radius, line.least_bytes, line.most_bytes));
    return digest.hex();
}

std::vector<std::uint64_t> calibration_sizes(std::uint64_t least_bytes, std::uint64_t most_bytes, int count,
                                             std::span<std::uint64_t const> predicted_bytes) {
    std::vector<std::uint64_t> sizes;
    double const ratio =
        std::pow(static_cast<double>(most_bytes) / static_cast<double>(least_bytes), 1.0 / (count - 1));
    double size = static_cast<double>(least_bytes);
    for (int i = 0; i < count; ++i, size *= ratio) {
        double moved = size;
        auto const collides = [&](std::uint64_t predicted) {
            double const other = static_cast<double>(predicted);
            return moved < other * same_size && other < moved * same_size;
        };
        while (std::any_of(predicted_bytes.begin(), predicted_bytes.end(), collides)) moved *= same_size;
        sizes.push_back(static_cast<std::uint64_t>(moved));
    }
    return sizes;
}

}  // namespace moewire
