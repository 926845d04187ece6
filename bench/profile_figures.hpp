// How uneven is a routed text? Every figure of a profile, beside what uniform routing would show.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.hpp"
#include "bench/profile_routing.hpp"

namespace moewire {

// The figures of one text as the seed study's expert_assignment_stats.json holds them, and more: experts and,
// at each of `ranks`, blocks of consecutive experts; whole text and batches; co-activation; router margins.
// `ranks` lie in 2 .. experts.
Json profile_figures(RoutedText const& routed, ModelFacts const& facts,
                     std::vector<std::int32_t> const& ranks);

}  // namespace moewire
