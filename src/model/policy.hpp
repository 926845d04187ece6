// Who decides on the experts? Routing policies: the model's own router, or a rule that changes its choice.
#pragma once

#include <functional>

#include "base/ids.hpp"
#include "model/router.hpp"

namespace moewire {

// A file in policies/. A policy that changes picks changes the model's output: its perplexity must be
// reported.
struct RoutingPolicy {
    static constexpr char const* catalogue = "model/policies";
    // Shape of `logits`: [token, expert].
    std::function<RouterOutput(LayerId, RouterSettings const&, at::Tensor const& logits)> route;
};

}  // namespace moewire
