// What happens inside a layer, beside its exchanges? A case's sibling passes, as tables tell them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trace/record.hpp"

namespace moewire {

// The slowest rank of each layer, all layers together, the median of iterations.
struct StepTime {
    std::string step;
    double p50_s;
};
// Of a case with stamps of every step; none of another. Steps that its model or plan does not have are left
// out.
std::vector<StepTime> step_times(Record const& record);

// What was added, to what, and by how much: two passes in turn, their ratio less one.
struct Addition {
    std::string what, to;
    double ratio;
    std::optional<std::pair<double, double>> interval;  // 95 %
};
// What stamps add to a pass, permutations and weighted sums to exchanges, where a case was watched so.
std::vector<Addition> additions_of(Record const& record);

}  // namespace moewire
