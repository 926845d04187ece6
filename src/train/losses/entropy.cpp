// What the load's entropy lacks to the most possible. Unit: nats.
#include <cmath>

#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

at::Tensor value(LayerLoad const& layer, Settings const&) {
    auto const load = layer.load.clamp_min(1e-20);
    return std::log(static_cast<double>(layer.experts())) + (load * load.log()).sum();
}

bool const registered = register_in<BalanceLoss>(
    "entropy", "What the entropy of the load lacks to that of an even one.", {value, with_common({})});

}  // namespace
}  // namespace moewire
