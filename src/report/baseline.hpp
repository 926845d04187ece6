// Is it still as fast as it was? Figures of a run kept as CSV, and a later run judged against them by
// intervals.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/summary.hpp"

namespace moewire {

// What is kept of a case. Ratios are those to `contiguous` of the same run, paired: they hold on other
// machines where times do not.
enum class Quantities { all, ratios, times };
// Throws: usage, for another word than "all", "ratios" or "times".
Quantities quantities_of(std::string const& word);

struct Figure {
    std::string key;       // of the case
    std::string quantity;  // one of those below
    double value = 0, low = 0, high = 0;
    std::int64_t samples = 0;
    bool bounded = true;  // false: too few samples for a 95 % interval
};
namespace quantity {
inline constexpr char const* exchange_s = "exchange_p50_s";                // latency
inline constexpr char const* exchange_ratio = "exchange_over_contiguous";  // latency
inline constexpr char const* tokens_per_s = "tokens_per_s";                // throughput: of the whole pass
inline constexpr char const* tokens_ratio = "tokens_over_contiguous";      // throughput
}  // namespace quantity

// Of every measured case, sorted by key and quantity.
std::vector<Figure> figures_of(Trace const& trace, std::vector<Group> const& groups, Quantities which);

// CSV with the machine in comment lines. Throws: usage, when no case was measured, and when the file is none
// of ours (missing columns, numbers that are none, no row).
std::string baseline_text(Trace const& trace, std::vector<Figure> const& figures);
std::vector<Figure> read_baseline(std::filesystem::path const& path);

enum class Change { better, same, worse, cannot_tell, missing };
char const* name_of(Change change);

struct Tolerances {
    double latency = 0.05, throughput = 0.05;  // shares: 0.05 lets times grow by 5 %
};

struct BaselineRow {
    Figure kept, found;
    // What it costs now over what it cost then: above 1 is worse, for times and for throughput.
    double cost = 1, cost_low = 1, cost_high = 1, tolerance = 0;
    Change change = Change::missing;
    std::string why;  // of a missing case: waived, failed, not in the run
};

// Better or worse only where the whole interval lies beyond the tolerance, same where it lies within; both
// runs' intervals count, added in quadrature on a logarithmic scale.
std::vector<BaselineRow> judge(std::vector<Figure> const& kept, std::vector<Figure> const& found,
                               Trace const& trace, Tolerances const& tolerances);

// How many are worse or missing.
std::size_t count_failures(std::vector<BaselineRow> const& rows);

// One line: how many of each.
std::string say_changes(std::vector<BaselineRow> const& rows);

}  // namespace moewire
