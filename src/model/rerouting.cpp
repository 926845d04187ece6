#include "model/rerouting.hpp"

#include <ATen/ATen.h>

namespace moewire {
namespace {

// Shape: [token, choice]. A chosen expert that the router chose too keeps its weight; the others take those
// of the router's experts that are left over, both in order.
at::Tensor inherited(RouterOutput const& native, at::Tensor const& experts) {
    auto const same = experts.unsqueeze(2).eq(native.experts.unsqueeze(1));  // [token, chosen, native]
    auto const is_new = same.any(2).logical_not(), is_left = same.any(1).logical_not();
    auto const order_of_new = is_new.cumsum(1).unsqueeze(2), order_of_left = is_left.cumsum(1).unsqueeze(1);
    auto const pair =
        is_new.unsqueeze(2).logical_and(is_left.unsqueeze(1)).logical_and(order_of_new.eq(order_of_left));
    return same.logical_or(pair).to(native.weights.scalar_type()).mul(native.weights.unsqueeze(1)).sum(2);
}

}  // namespace

Setting weights_setting() {
    return word_setting(
        "weights", {"inherit", "softmax"},
        "Weight of a rerouted expert under SparseMixer: that of the one it replaces, or its share");
}

WeightRule weight_rule(Settings const& settings) {
    return settings.word("weights") == "inherit" ? WeightRule::inherit : WeightRule::softmax;
}

RouterOutput reroute(RouterSettings const& settings, at::Tensor const& logits, at::Tensor const& experts,
                     WeightRule rule) {
    if (settings.kind == RouterKind::sparse_mixer && rule == WeightRule::inherit)
        return {experts, inherited(route_natively(settings, logits), experts)};
    return {experts, weights_of(settings, logits, experts)};
}

RouterOutput reroute_by(RouterSettings const& settings, at::Tensor const& logits, at::Tensor const& scores,
                        WeightRule rule) {
    return reroute(settings, logits, std::get<1>(at::topk(scores, settings.top_k, -1)), rule);
}

at::Tensor overload(at::Tensor const& load) {
    auto const mean = load.to(at::kFloat).mean();
    if (mean.item<float>() <= 0) return at::zeros_like(load, at::kFloat);
    return (load.to(at::kFloat) / mean - 1).clamp_min(0);
}

}  // namespace moewire
