// How do the picks spread over the steps of a run? Loads of small batches, which no sum over a text shows.
#pragma once

#include <cstdint>

#include "base/grid.hpp"
#include "routing/routing.hpp"

namespace moewire {

// How often each expert was chosen in each batch of `batch_tokens` tokens. `first_token` is the place of this
// rank's first token among those of all ranks, so that summing over ranks gives batches that do not depend
// on the number of ranks; tokens behind the last batch are left out. Shape: [batch, layer, expert].
Grid<std::int64_t, 3> count_batches(Routing const& routing, std::int64_t first_token,
                                    std::int64_t batch_tokens, std::int64_t batches);

}  // namespace moewire
