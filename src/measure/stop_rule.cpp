#include "measure/stop_rule.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

constexpr std::int64_t looked_at_after = 20;  // as many as nccl-tests takes in all
constexpr std::int64_t iterations_limit = 1'000'000;

}  // namespace

std::int64_t next_batch(StopRule const& rule, std::int64_t taken, double elapsed_s, double iteration_s) {
    auto const left = rule.most_iterations - taken;
    if (rule.width == 0 && rule.most_s == 0) return left;
    auto batch = std::min(left, std::max(looked_at_after, taken / 8));
    double const fit = (rule.most_s - elapsed_s) / iteration_s;
    if (rule.most_s > 0 && fit < static_cast<double>(batch))
        batch = static_cast<std::int64_t>(std::max(1.0, fit));
    return batch;
}

char const* name_of(Stop stop) {
    constexpr char const* names[] = {"iterations", "width", "time"};
    return names[static_cast<int>(stop)];
}

std::optional<Stop> should_stop(StopRule const& rule, std::span<double const> samples_s, double elapsed_s) {
    if (static_cast<std::int64_t>(samples_s.size()) >= rule.most_iterations) return Stop::iterations;
    if (rule.width > 0 && !samples_s.empty()) {
        auto const middle = quantile(samples_s, 0.5);
        if (middle.bounded && middle.high - middle.low <= rule.width * middle.value) return Stop::width;
    }
    if (rule.most_s > 0 && elapsed_s >= rule.most_s) return Stop::time;
    return std::nullopt;
}

void check(StopRule const& rule) {
    if (rule.most_iterations < 1 || rule.most_iterations > iterations_limit) {
        throw usage_error(
            fmt::format("--iterations is {} (nothing could be timed, or it would never end); use 1 to {}",
                        rule.most_iterations, iterations_limit));
    }
    if (!(rule.width >= 0) || !(rule.width < 1)) {
        throw usage_error(
            fmt::format("--until_width is {} % (a part of the median); use more than 0 and less "
                        "than 100, or 0 for none",
                        100 * rule.width));
    }
    if (!(rule.most_s >= 0) || !std::isfinite(rule.most_s))
        throw usage_error(fmt::format(
            "--max_seconds is {} (no time); use a positive number, or 0 for no limit", rule.most_s));
}

}  // namespace moewire
