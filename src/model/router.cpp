#include "model/router.hpp"

#include <limits>

#include <ATen/ATen.h>

namespace moewire {
namespace {

RouterOutput softmax_top_k(RouterSettings const& settings, at::Tensor const& logits) {
    auto const shares = at::softmax(logits, -1, at::kFloat);
    auto [weights, experts] = at::topk(shares, settings.top_k, -1);
    if (settings.renormalise) weights = weights / weights.sum(-1, /*keepdim=*/true);
    return {experts, weights.to(logits.scalar_type())};
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
    auto const survivors = candidates.masked_fill(gap > 2 * jitter, -std::numeric_limits<double>::infinity());
    return {expert, at::softmax(survivors, -1).gather(-1, expert)};
}

RouterOutput sparse_mixer(RouterSettings const& settings, at::Tensor const& scores) {
    auto const first = mixed_argmax(scores, scores, settings.jitter);
    auto const rest = scores.scatter(-1, first.expert, -std::numeric_limits<double>::infinity());
    auto const second = mixed_argmax(scores, rest, settings.jitter);
    return {at::cat({first.expert, second.expert}, -1), at::cat({first.weight, second.weight}, -1)};
}

}  // namespace

RouterOutput route_natively(RouterSettings const& settings, at::Tensor const& logits) {
    return settings.kind == RouterKind::sparse_mixer ? sparse_mixer(settings, logits)
                                                     : softmax_top_k(settings, logits);
}

}  // namespace moewire
