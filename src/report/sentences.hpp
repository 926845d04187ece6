// How is the result said? Sentences with numbers and their confidence, never more certain than the samples.
#pragma once

#include <string>
#include <vector>

#include "report/sentence.hpp"

namespace moewire {

// The least median among those that are faster than the baseline beyond the noise, with the usual policy and
// payload, and no bound; null without any, or without a baseline.
CaseSummary const* clear_winner(Group const& group);

// For each group: the fastest placement, by how much, with what confidence; then what policies, payloads and
// an equal twin did.
std::vector<Sentence> say_answers(std::vector<Group> const& groups);

// How near the predictions were, one sentence a model that states intervals, and where they were furthest
// off.
std::vector<Sentence> say_accuracy(std::vector<ModelAccuracy> const& accuracy,
                                   std::vector<Group> const& groups);

// What the numbers do not show: oversubscribed ranks, ranks that share a GPU, made-up weights, few samples,
// waived and failed cases.
std::vector<Sentence> say_limits(Trace const& trace, std::vector<Group> const& groups);

}  // namespace moewire
