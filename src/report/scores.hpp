// How near did the cost models come to one case? And the simpler rules beside them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "report/simple_rules.hpp"
#include "report/summary.hpp"

namespace moewire {

// Median over iterations of the slowest rank's transfer, for one direction of a measured case.
// Shape: [layer]. Unit: seconds.
std::vector<double> layer_medians(Record const& record, std::string const& direction);

// Of a measured case, by cost model. Throws: failure, when the record lacks what every prediction has.
std::map<std::string, ModelScore> scores_of(Record const& record);

// The same, by rule.
std::map<std::string, ModelScore> rule_scores_of(Record const& record,
                                                 std::vector<UniformPoint> const& uniform);

}  // namespace moewire
