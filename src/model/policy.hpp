// Who decides on the experts? Routing policies: the model's own router, or a rule that changes its choice.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/grid.hpp"
#include "base/ids.hpp"
#include "base/settings.hpp"
#include "model/language_model.hpp"
#include "model/router.hpp"

namespace moewire {

// A policy at work on one model: what it has learned so far. A *batch* is the tokens of one rank in one
// forward pass, in order.
class Policy {
  public:
    virtual ~Policy() = default;

    // Shape of `logits`: [token, expert]; no tokens are fine. A choice that is dropped has expert no_pick and
    // weight 0.
    virtual RouterOutput route(LayerId layer, RouterSettings const& settings, at::Tensor const& logits) = 0;

    // After every batch from which it may learn: what all ranks' tokens chose in it. Shape: [layer, expert].
    virtual void learn(Grid<std::int64_t, 2> const& /*counts*/) {}
};

struct PolicyRequest {
    std::int64_t layers = 0;
    std::int32_t experts = 0;
    std::int64_t top_k = 0;
    std::uint64_t seed = 0;
    Settings settings;
};

// A file in policies/. A policy that changes picks changes the model's output: its perplexity must be
// reported.
struct RoutingPolicy {
    static constexpr char const* catalogue = "model/policies";
    std::function<std::unique_ptr<Policy>(PolicyRequest const&)> make;
    std::vector<Setting> settings = {};
    // What a token's choice may depend on, under these settings.
    std::function<PolicyScope(Settings const&)> scope = [](Settings const&) { return PolicyScope::token; };
    // Whether it goes on learning while a text is scored, under these settings.
    std::function<bool(Settings const&)> learns_on = [](Settings const&) { return false; };
};

}  // namespace moewire
