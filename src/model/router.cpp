#include "model/router.hpp"

#include <limits>

#include <ATen/ATen.h>

namespace moewire {
namespace {

constexpr double least = -std::numeric_limits<double>::infinity();

// Groups are equal and consecutive; experts outside a token's best groups cannot be chosen.
at::Tensor within_groups(RouterSettings const& settings, at::Tensor const& scores) {
    auto const tokens = scores.size(0), groups = settings.groups.groups, size = scores.size(1) / groups;
    auto const by_group = scores.view({tokens, groups, size});
    auto const group_scores = settings.group_score == GroupScore::best
                                  ? by_group.amax(-1)
                                  : std::get<0>(at::topk(by_group, 2, -1)).sum(-1);
    auto const kept = std::get<1>(at::topk(group_scores, settings.groups.kept, -1));
    auto const outside = at::ones_like(group_scores, at::kBool).scatter(1, kept, false);
    return by_group.masked_fill(outside.unsqueeze(-1), least).view({tokens, groups * size});
}

struct Choice {
    at::Tensor expert, weight;  // Shape: [token, 1]
};

// One masked argmax. Experts whose relative gap to the best exceeds 2 x jitter are dropped before the
// softmax; the gap is taken from the original scores, also where `candidates` has an expert struck out
// already. A gap of 0/0 is NaN, compares false, and so keeps its expert.
Choice mixed_argmax(at::Tensor const& scores, at::Tensor const& candidates, double jitter) {
    auto const [best, expert] = candidates.max(-1, /*keepdim=*/true);
    auto const gap = (best - scores) / at::maximum(scores.abs(), best);
    auto const survivors = candidates.masked_fill(gap > 2 * jitter, least);
    return {expert, at::softmax(survivors, -1).gather(-1, expert)};
}

RouterOutput sparse_mixer(RouterSettings const& settings, at::Tensor const& scores) {
    auto const first = mixed_argmax(scores, scores, settings.jitter);
    auto const rest = scores.scatter(-1, first.expert, least);
    auto const second = mixed_argmax(scores, rest, settings.jitter);
    return {at::cat({first.expert, second.expert}, -1), at::cat({first.weight, second.weight}, -1)};
}

}  // namespace

at::Tensor router_shares(RouterSettings const& settings, at::Tensor const& logits) {
    return settings.kind == RouterKind::sigmoid ? at::sigmoid(logits.to(at::kFloat))
                                                : at::softmax(logits, -1, at::kFloat);
}

at::Tensor weights_of(RouterSettings const& settings, at::Tensor const& logits, at::Tensor const& experts) {
    auto weights = router_shares(settings, logits).gather(-1, experts);
    if (settings.renormalise) weights = weights / (weights.sum(-1, /*keepdim=*/true) + 1e-20);
    if (settings.weight_scale != 1.0) weights = weights * settings.weight_scale;
    return weights.to(logits.scalar_type());
}

at::Tensor choice_scores(RouterSettings const& settings, at::Tensor const& logits) {
    auto scores = router_shares(settings, logits);
    if (settings.choice_bias.defined()) scores = scores + settings.choice_bias;
    return settings.group_score == GroupScore::none ? scores : within_groups(settings, scores);
}

RouterOutput route_natively(RouterSettings const& settings, at::Tensor const& logits) {
    if (settings.kind == RouterKind::sparse_mixer) return sparse_mixer(settings, logits);
    auto const experts = std::get<1>(at::topk(choice_scores(settings, logits), settings.top_k, -1));
    return {experts, weights_of(settings, logits, experts)};
}

}  // namespace moewire
