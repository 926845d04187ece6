// Mean square of the logarithm of the router's partition function: keeps logits small, balances nothing.
// Source: ST-MoE, arXiv 2202.08906, equation 5.
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

at::Tensor value(LayerLoad const& layer, Settings const&) {
    return layer.sum(at::logsumexp(layer.logits, -1).square().sum()) / layer.tokens;
}

bool const registered = register_in<BalanceLoss>(
    "z", "Mean squared log-partition of the logits (ST-MoE): keeps them small.", {value, with_common({})});

}  // namespace
}  // namespace moewire
