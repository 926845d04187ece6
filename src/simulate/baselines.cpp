#include "simulate/baselines.hpp"

#include <algorithm>
#include <cmath>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "simulate/fit_line.hpp"
#include "traffic/traffic.hpp"

namespace moewire {
namespace {

constexpr double gibi = 1024.0 * 1024 * 1024;
constexpr double astra_bytes_per_s = 400 * gibi, astra_hop_s = 936.25e-9;

struct Mean {
    double busiest_bytes = 0;  // port
    double leaving_bytes = 0;  // off-diagonal bytes of a rank, mean
};

Mean mean_of(Scenario const& scenario) {
    auto const load = port_load(scenario.bytes);
    Mean mean{static_cast<double>(load.busiest_bytes()), 0};
    for (auto const bytes : load.out_bytes) mean.leaving_bytes += static_cast<double>(bytes);
    mean.leaving_bytes /= static_cast<double>(load.out_bytes.size());
    return mean;
}

double line_s(std::vector<UniformPoint> const& uniform, double busiest_bytes) {
    std::vector<CalibrationPoint> points;
    for (auto const& p : uniform) points.push_back({static_cast<std::uint64_t>(p.busiest_bytes), p.time_s});
    try {
        auto const line = fit_line(points);
        return line.latency_s + busiest_bytes / line.bandwidth_bytes_per_s;
    } catch (Error const&) {
        return 0;  // too few sizes, or times that do not grow
    }
}

}  // namespace

double interpolated_s(std::vector<UniformPoint> const& uniform, double bytes) {
    MOEWIRE_EXPECT(!uniform.empty());
    if (bytes <= uniform.front().busiest_bytes) return uniform.front().time_s;
    if (bytes >= uniform.back().busiest_bytes)
        return uniform.back().time_s * bytes / uniform.back().busiest_bytes;
    auto const above = std::find_if(uniform.begin(), uniform.end(),
                                    [bytes](UniformPoint const& p) { return p.busiest_bytes >= bytes; });
    auto const& b = *above;
    auto const& a = *(above - 1);
    double const part = std::log(bytes / a.busiest_bytes) / std::log(b.busiest_bytes / a.busiest_bytes);
    return a.time_s * std::pow(b.time_s / a.time_s, part);
}

std::vector<Baseline> baselines_of(Scenario const& scenario, std::vector<UniformPoint> const& uniform) {
    auto const mean = mean_of(scenario);
    double best_rate = 0;
    for (auto const& p : uniform) best_rate = std::max(best_rate, p.busiest_bytes / p.time_s);
    std::vector<Baseline> all{{"port_bound", resource_bound(scenario).time_s},
                              {"single_line", 0},
                              {"busbw_rule", 0},
                              {"astra_constants", 2 * astra_hop_s + mean.leaving_bytes / astra_bytes_per_s},
                              {"simai_formula", 0},
                              {"endpoint_load", 0}};
    if (uniform.empty()) return all;
    all[1].time_s = line_s(uniform, mean.busiest_bytes);
    all[2].time_s = mean.leaving_bytes / best_rate;
    // Its constants call 2^30 bytes a gigabyte, so decimal rates come out too fast.
    all[4].time_s = mean.leaving_bytes / (best_rate / 1e9 * gibi);
    double const floor_s = uniform.front().time_s;
    double const base_s = interpolated_s(uniform, mean.leaving_bytes);
    double const factor = mean.leaving_bytes > 0 ? mean.busiest_bytes / mean.leaving_bytes : 1;
    all[5].time_s = floor_s + factor * std::max(0.0, base_s - floor_s);
    return all;
}

}  // namespace moewire
