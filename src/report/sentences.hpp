// How is the result said? Sentences with numbers and their confidence, never more certain than the samples.
#pragma once

#include <string>
#include <vector>

#include "report/summary.hpp"

namespace moewire {

// "12.0 % faster (95 %: 8.1 to 15.2 %)", "3.0 % slower (...)", "no clear difference (...)".
std::string say_comparison(Comparison const& comparison);

// For each group: the fastest placement, by how much, with what confidence; then what policies, payloads and
// an equal twin did.
std::vector<std::string> say_answers(std::vector<Group> const& groups);

// One sentence: how near the predictions were. Empty without any.
std::string say_accuracy(std::vector<ModelAccuracy> const& accuracy);

// What the numbers do not show: oversubscribed ranks, few samples, waived and failed cases.
std::vector<std::string> say_limits(Trace const& trace, std::vector<Group> const& groups);

// The seed study's expectations against what this trace holds. Shape: [row] of {expected, found, verdict}.
std::vector<std::vector<std::string>> seed_expectations(Trace const& trace, std::vector<Group> const& groups);

}  // namespace moewire
