// Gini coefficient of the load: mean absolute difference of all pairs over twice the mean. Its pull on a pair
// does not depend on how far apart the two are.
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

at::Tensor value(LayerLoad const& layer, Settings const&) {
    auto const& load = layer.load;
    auto const pairs = (load.unsqueeze(0) - load.unsqueeze(1)).abs().sum();
    return pairs / (2.0 * static_cast<double>(layer.experts()) * load.sum());
}

bool const registered =
    register_in<BalanceLoss>("gini", "Gini coefficient of the load over experts.", {value, with_common({})});

}  // namespace
}  // namespace moewire
