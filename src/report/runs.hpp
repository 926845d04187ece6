// What changed between runs? Their names, what they were made with, and their common cases side by side.
#pragma once

#include <string>
#include <vector>

#include "report/summary.hpp"

namespace moewire {

// A short name for each: the file's, with as many folders before it as it takes to tell them apart.
std::vector<std::string> run_names(std::vector<Trace> const& traces);

// Something that runs were made with and in which they differ: version, machine, clock, environment.
struct ProvenanceRow {
    std::string what;
    std::vector<std::string> values;  // Shape: [run]; "-" where a run does not say
};
// Empty for one run. What differs by nature (when, command line) comes last.
std::vector<ProvenanceRow> provenance_differences(std::vector<Trace> const& traces);

// One case that the first run and another both measured. Unpaired: the runs were not interleaved.
struct RunDifference {
    std::size_t run = 1;
    std::string key, label;
    CaseSummary const* first = nullptr;
    CaseSummary const* other = nullptr;
    Comparison time;  // other over first, medians; 95 % interval over 1,000 resamples of both, seeded
};
std::vector<RunDifference> differences_between(std::vector<Group> const& first,
                                               std::vector<Group> const& other, std::size_t run);

// Medians of two samples that do not pair.
Comparison compare_unpaired(std::vector<double> const& a, std::vector<double> const& b);

}  // namespace moewire
