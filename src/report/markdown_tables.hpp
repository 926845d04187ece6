// How do a run's figures stand in a table? Markdown, cells in the units that people read.
#pragma once

#include <string>

#include "report/findings.hpp"
#include "report/ranking.hpp"

namespace moewire::markdown {

std::string group_table(Group const& group);
std::string matrix_section(std::vector<PlanMatrix> const& matrices);  // empty without any
std::string accuracy_table(std::vector<ModelAccuracy> const& accuracy);
std::string perplexity_section(Trace const& trace);  // empty where none was computed
std::string steps_section(Trace const& trace);       // empty where no step was stamped
std::string run_table(Trace const& trace);
std::string expectation_table(std::vector<Expectation> const& expectations);

// Several runs side by side, and a run against its baseline; empty where there is nothing to set side by
// side.
std::string differences_section(Findings const& findings);
std::string baseline_section(Findings const& findings);

}  // namespace moewire::markdown
