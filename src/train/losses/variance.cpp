// Variance of the load over experts. By itself it weakens with the square of their number.
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

at::Tensor value(LayerLoad const& layer, Settings const& settings) {
    auto const experts = static_cast<double>(layer.experts());
    auto const variance = (layer.load - 1 / experts).square().mean();
    return settings.word("scale") == "plain" ? variance : variance * (experts * experts);
}

bool const registered = register_in<BalanceLoss>(
    "variance", "Variance of the load over experts.",
    {value, with_common({word_setting("scale", {"plain", "experts"},
                                      "As it is, or times the number of experts squared")})});

}  // namespace
}  // namespace moewire
