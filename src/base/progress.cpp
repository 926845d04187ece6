#include "base/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include <fmt/format.h>

namespace moewire {
namespace {

double seconds(std::chrono::steady_clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

constexpr int bar_width = 24;

}  // namespace

ProgressStyle progress_style(bool speaks) {
    if (!speaks) return ProgressStyle::none;
    return ::isatty(STDERR_FILENO) != 0 ? ProgressStyle::bar : ProgressStyle::lines;
}

Progress::Progress(std::string label, std::int64_t total, std::string unit, ProgressStyle style)
    : label_(std::move(label)),
      total_(std::max<std::int64_t>(total, 1)),
      unit_(std::move(unit)),
      style_(style) {}

Progress::~Progress() {
    if (style_ == ProgressStyle::bar) print(true);
}

std::string Progress::text() const {
    double const elapsed_s = seconds(std::chrono::steady_clock::now() - start_);
    double const rate = elapsed_s > 0 ? static_cast<double>(done_) / elapsed_s : 0;
    double const left_s = rate > 0 ? static_cast<double>(total_ - done_) / rate : 0;
    int const filled = static_cast<int>(bar_width * std::min(done_, total_) / total_);
    std::string const bar = std::string(static_cast<std::size_t>(filled), '#') +
                            std::string(static_cast<std::size_t>(bar_width - filled), '.');
    return fmt::format("{} [{}] {}/{} {} {:.3g}/s, {:.0f} s left", label_, bar, done_, total_, unit_, rate,
                       left_s);
}

void Progress::advance(std::int64_t count) {
    done_ += count;
    if (style_ == ProgressStyle::none) return;
    auto const now = std::chrono::steady_clock::now();
    double const pause_s = style_ == ProgressStyle::bar ? 0.1 : 10.0;
    auto const since_s = seconds(now - (printed_.time_since_epoch().count() == 0 ? start_ : printed_));
    if (since_s < pause_s && done_ < total_) return;
    if (style_ == ProgressStyle::lines && since_s < pause_s) return;  // short jobs stay silent in a log
    printed_ = now;
    print(false);
}

void Progress::print(bool last) {
    if (style_ == ProgressStyle::bar) {
        fmt::print(stderr, "\r\033[K{}", last ? "" : text());
    } else {
        fmt::print(stderr, "moewire: {}\n", text());
    }
    std::fflush(stderr);
}

}  // namespace moewire
