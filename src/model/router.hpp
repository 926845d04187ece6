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
    RouterKind kind = RouterKind::softmax_top_k;
    std::int64_t top_k = 0;
    bool renormalise = false;
    double jitter = 0;  // SparseMixer's threshold is twice this
};

// Shape of `logits`: [token, expert], in the model's dtype. Inference; nothing is sampled.
RouterOutput route_natively(RouterSettings const& settings, at::Tensor const& logits);

}  // namespace moewire
