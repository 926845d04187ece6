#include "report/inside.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/statistics.hpp"

namespace moewire {
namespace {

void add(std::vector<Addition>& all, Record const& record, std::string const& name, char const* what,
         char const* to) {
    if (!record.has(name + "_ratio")) return;
    Addition addition{what, to, record.number(name + "_ratio"), {}};
    if (record.has(name + "_low_ratio"))
        addition.interval = {record.number(name + "_low_ratio"), record.number(name + "_high_ratio")};
    all.push_back(addition);
}

}  // namespace

std::vector<StepTime> step_times(Record const& record) {
    std::vector<StepTime> times;
    auto const* const steps = record.find("steps/duration_s");
    if (steps == nullptr) return times;
    auto const d = to_grid<double, 4>(*steps);
    for (std::size_t s = 0; s < d.extent(2); ++s) {
        std::vector<double> sums(d.extent(0));
        for (std::size_t i = 0; i < d.extent(0); ++i) {
            for (std::size_t l = 0; l < d.extent(1); ++l) {
                auto const ranks = d.row(i, l, s);
                sums[i] += *std::max_element(ranks.begin(), ranks.end());
            }
        }
        auto const p50_s = median(sums);
        if (p50_s > 0) times.push_back({record.text(fmt::format("step_{}", s)), p50_s});
    }
    return times;
}

std::vector<Addition> additions_of(Record const& record) {
    // Traces from before stamps were held against a pass without any hold those of steps against those of
    // exchanges, on every case; the next ones have no events.
    bool const has_events = record.has("stamped_overhead_ratio");
    bool const has_bare_pass = has_events || record.has("outer_overhead_ratio");
    std::vector<Addition> all;
    if (has_events) add(all, record, "outer_overhead", "events around exchanges", "a pass");
    add(all, record, has_events ? "stamped_overhead" : "outer_overhead", "stamps of exchanges", "a pass");
    add(all, record, "instrumentation_overhead", "stamps of every step",
        has_bare_pass ? "a pass" : "a pass with stamps of exchanges");
    add(all, record, "permutation", "what is left of the permutation when counts are known", "dispatches");
    add(all, record, "weighted_sum", "the weighted sum", "combines");
    add(all, record, "both_ways", "both", "both");
    return all;
}

}  // namespace moewire
