// How does a text route? The routings of plan text and test text, under every policy or a control.
#pragma once

#include <string>

#include "bench/preparation.hpp"

namespace moewire {

// Collective: all ranks. All of a PreparedText but its cases. `dataset` and `plan_dataset` may be controls
// ("control:..."); a plan_dataset that is empty means the same as `dataset`. Throws on all ranks: usage.
PreparedText route_under_policies(PreparationSetting const& setting, std::string const& dataset,
                                  std::string const& plan_dataset);

}  // namespace moewire
