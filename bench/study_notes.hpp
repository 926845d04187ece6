// What did a study find beside its measurements? Attributes of the model's record, so that the trace alone
// tells.
#pragma once

#include <vector>

#include "base/json.hpp"
#include "simulate/seed_study.hpp"
#include "trace/record.hpp"

namespace moewire {

// "policy.<text>.<policy>.perplexity_rise_percent", with _low_ and _high_ for its 95 % interval: of every
// policy of assign's results; nothing of null.
Attributes policy_notes(Json const& results);

// "finetune.gini_change_percent" and "finetune.perplexity_change_percent" (with _low_ and _high_): of the
// best arm on the text that arms learned from, beside the arm without a balance loss; nothing of null.
Attributes finetune_notes(Json const& results);

// "seed_study.time_rise_percent": how much longer the slowest exchange gets from an even load to a Gini of
// 0.5, as computed. Nothing without those two levels.
Attributes simulation_notes(std::vector<SeedLevel> const& levels);

}  // namespace moewire
