// How many samples are enough? A number, a precision or a time, whichever comes first.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace moewire {

struct StopRule {
    std::int64_t most_iterations = 20;
    double width = 0;   // of the 95 % interval of the median, as a part of the median; 0: not looked at
    double most_s = 0;  // 0: no limit
};

// How many samples to take before the rule is looked at again: all, when only their number was asked for;
// else 20, and more the more there are; with a limit of time no more than fit, judged by the time of one, but
// one at least.
std::int64_t next_batch(StopRule const& rule, std::int64_t taken, double elapsed_s, double iteration_s);

enum class Stop { iterations, width, time };
char const* name_of(Stop stop);

// Why to stop, or nothing. After the asked number nothing else is looked at; without samples only the time
// is. Unit: seconds. The interval is that of base/statistics.hpp; one that is not bounded (under 6 samples)
// is never narrow enough.
std::optional<Stop> should_stop(StopRule const& rule, std::span<double const> samples_s, double elapsed_s);

// Throws: usage, for numbers that would never end, or never begin.
void check(StopRule const& rule);

}  // namespace moewire
