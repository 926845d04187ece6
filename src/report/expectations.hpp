// Did what the seed study expects come true here? Its outcomes and key findings, each with what was found.
#pragma once

#include <string>
#include <vector>

#include "report/summary.hpp"

namespace moewire {

struct Expectation {
    std::string expected, found, interval;
    std::string verdict;  // "confirmed", "in part", "not found", "cannot tell", "not run"
};

// Every row, in the order of the seed study; "not run" names the command that would fill it. Figures of other
// commands are in the trace where a study wrote them: attributes of the model, `seed_study.`, `policy.` and
// `finetune.` in front.
std::vector<Expectation> seed_expectations(Trace const& trace, std::vector<Group> const& groups);

// The header of the table that shows them, and one row of it.
std::vector<std::string> expectation_header();
std::vector<std::string> to_row(Expectation const& expectation);

}  // namespace moewire
