// What did anything but a placement change? Policies with their price, payloads with their bytes, equal
// twins.
#pragma once

#include <string>
#include <vector>

#include "report/sentence.hpp"

namespace moewire {

// "tiny on drama (planned on manual), mode replay".
std::string where(Group const& group);

// One sentence for each policy, each payload, the bound, the spread of random placements, and the twin, where
// a group has them.
std::vector<Sentence> say_alternatives(Group const& group);

}  // namespace moewire
