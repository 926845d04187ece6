// How far are we? A bar with rate and remaining time on a terminal, a plain line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace moewire {

enum class ProgressStyle { none, lines, bar };

// The style that fits standard error and this rank: `none` on ranks other than 0.
ProgressStyle progress_style(bool speaks);

class Progress {
  public:
    // `unit` is the plural of what is counted, e.g. "windows".
    Progress(std::string label, std::int64_t total, std::string unit, ProgressStyle style);
    ~Progress();
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;

    void advance(std::int64_t count = 1);

    // The line as it stands, without the carriage return: for tests.
    std::string text() const;

  private:
    void print(bool last);

    std::string label_;
    std::int64_t total_;
    std::string unit_;
    ProgressStyle style_;
    std::int64_t done_ = 0;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point printed_{};
};

}  // namespace moewire
