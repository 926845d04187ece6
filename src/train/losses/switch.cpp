// Counts times mean shares: least, 1, where both are even. The counts have no gradient.
// Source: Switch Transformers, arXiv 2101.03961, equation 4, with counts that sum to 1 for every top k.
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

at::Tensor value(LayerLoad const& layer, Settings const&) {
    return static_cast<double>(layer.experts()) * (layer.hard * layer.soft).sum();
}

bool const registered = register_in<BalanceLoss>(
    "switch", "Counts times mean shares (Switch Transformers); the usual load-balance loss.",
    {value, with_common({})});

}  // namespace
}  // namespace moewire
