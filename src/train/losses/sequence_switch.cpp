// The Switch loss of each sequence by itself, averaged over sequences: stricter than balance over a batch.
// Source: DeepSeek-V3, arXiv 2412.19437, equations 17 to 20.
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

at::Tensor value(LayerLoad const& layer, Settings const&) {
    auto const sequences = layer.own_sequences, experts = layer.experts();
    auto const positions = layer.shares.size(0) / sequences;
    auto const picks = layer.picks.reshape({sequences, -1});
    auto const ones = at::ones_like(picks, layer.shares.options()).masked_fill_(picks.lt(0), 0);
    auto const counts =
        at::zeros({sequences, experts}, ones.options()).scatter_add_(1, picks.clamp_min(0), ones);
    auto const hard = counts / counts.sum(1, /*keepdim=*/true).clamp_min(1);
    auto const soft = layer.shares.view({sequences, positions, experts}).mean(1);
    return layer.sum(static_cast<double>(experts) * (hard * soft).sum()) / layer.sequences;
}

bool const registered = register_in<BalanceLoss>(
    "sequence_switch", "The Switch loss of each sequence by itself (DeepSeek-V3).", {value, with_common({})});

}  // namespace
}  // namespace moewire
