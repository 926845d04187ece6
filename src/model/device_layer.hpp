// How do rows reach their experts when they lie on a GPU? Counted, ordered and moved there: the host learns
// how many rows go where, and nothing else. (Inside the model room only.)
#pragma once

#include "model/moe_block.hpp"

namespace moewire {

// Can this pass be planned on the device? The payload per_expert, the router's own picks, no gradients;
// everything else is planned on the host.
bool plans_on_device(at::Tensor const& hidden, MoePass const& pass);

// Collective: all ranks of the pass. Dispatch, experts and combine of one layer; the host waits once, for the
// counts. Shape of `hidden` and of the result: [token, hidden].
at::Tensor exchanged_on_device(LayerId layer, at::Tensor const& hidden, RouterOutput const& route,
                               MoePass const& pass);

}  // namespace moewire
