// Which experts does a token get, and with which weights? The routers that models were trained with.
#pragma once

#include <ATen/core/Tensor.h>

#include "checkpoint/config.hpp"
#include "model/traits.hpp"

namespace moewire {

struct RouterOutput {
    at::Tensor experts;  // Shape: [token, choice], int64
    at::Tensor weights;  // Shape: [token, choice]
};

// What a router needs to know, fixed at load.
struct RouterSettings {
    RouterKind kind = RouterKind::softmax;
    std::int64_t top_k = 0;
    bool renormalise = false;
    double jitter = 0;          // SparseMixer's threshold is twice this
    double weight_scale = 1.0;  // of the weights, last
    GroupScore group_score = GroupScore::none;
    ExpertGroups groups = {};
    at::Tensor choice_bias = {};  // fp32 [expert], in the choice alone; may be undefined
};

// What the router makes of its logits, expert by expert: softmax or sigmoid, in fp32.
// Shape: [token, expert].
at::Tensor router_shares(RouterSettings const& settings, at::Tensor const& logits);

// What a softmax or sigmoid router chooses by: shares, corrected by its bias, and minus infinity outside the
// token's groups. SparseMixer has none of its own: its shares. Shape: [token, expert], fp32.
at::Tensor choice_scores(RouterSettings const& settings, at::Tensor const& logits);

// The weights of chosen experts under a softmax or sigmoid router. Shape of `experts`: [token, choice].
at::Tensor weights_of(RouterSettings const& settings, at::Tensor const& logits, at::Tensor const& experts);

// Shape of `logits`: [token, expert], in the model's dtype (or fp32). Inference; nothing is sampled.
RouterOutput route_natively(RouterSettings const& settings, at::Tensor const& logits);

}  // namespace moewire
