// What else must a reader know of a run? Who binds, what imbalance costs, what the output paid.
#pragma once

#include <vector>

#include "report/sentence.hpp"

namespace moewire {

// For each model and text: placements leave the perplexity as it is; said once, with the number.
std::vector<Sentence> say_quality(std::vector<Group> const& groups);

// For each group: the rank and the resource that bind its fastest case.
std::vector<Sentence> say_binding(std::vector<Group> const& groups);

// For each group: who keeps the others of its fastest case waiting, where one rank clearly does (three times
// as often as its share or nine times in ten, by a tenth of an exchange) or was made late on purpose.
std::vector<Sentence> say_late(std::vector<Group> const& groups);

// For each group: what a tenth of imbalance costs a layer, where the cases allow a line.
std::vector<Sentence> say_slopes(std::vector<Group> const& groups);

// One sentence over all groups of a run: in how many a placement wins, and where by most. Empty text without
// a measured group.
Sentence say_headline(std::vector<Group> const& groups);

}  // namespace moewire
