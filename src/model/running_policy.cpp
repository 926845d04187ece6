#include "model/running_policy.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"

namespace moewire {

std::string_view name_of(PolicyScope scope) {
    switch (scope) {
        case PolicyScope::token:
            return "token";
        case PolicyScope::earlier_tokens:
            return "earlier_tokens";
        case PolicyScope::earlier_batches:
            return "earlier_batches";
        case PolicyScope::whole_batch:
            break;
    }
    return "whole_batch";
}

void RunningPolicy::end_batch(Communicator const& communicator, Routing const& routing) {
    if (!learning_) return;
    auto counts = count_picks(routing);
    communicator.sum(counts.row());
    policy_->learn(counts);
}

std::unique_ptr<RunningPolicy> start_policy(std::string_view text, std::uint64_t seed,
                                            ModelFacts const& facts) {
    auto const spec = parse_spec(text);
    if (!spec.family.empty() && spec.family != "policy") {
        throw usage_error(
            fmt::format("'{}' is a {} (policies are wanted here); use a name of model/policies in "
                        "`moewire list`",
                        text, spec.family));
    }
    auto const& entry = Registry<RoutingPolicy>::instance().at(spec.name).value;
    Settings const settings(entry.settings, spec);
    auto policy = entry.make({facts.layers, facts.experts, facts.top_k, seed, settings});
    return std::make_unique<RunningPolicy>(std::move(policy), entry.scope(settings),
                                           entry.learns_on(settings));
}

}  // namespace moewire
