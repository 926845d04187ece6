// How is a timeline kept? As datasets of its case.
#pragma once

#include <vector>

#include "measure/timeline.hpp"
#include "trace/record.hpp"

namespace moewire {

// Adds timeline/...; see the schema.
void add_timeline(Timeline const& timeline, std::vector<Dataset>& datasets);

}  // namespace moewire
