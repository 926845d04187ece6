// Coefficient of variation of the load. Squared it is the Switch loss in another scale; as it is, its pull
// does not fade near balance.
#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

at::Tensor value(LayerLoad const& layer, Settings const& settings) {
    auto const experts = static_cast<double>(layer.experts());
    auto const squared = experts * (layer.load - 1 / experts).square().sum();
    // Its root has no slope at perfect balance.
    return settings.word("power") == "squared" ? squared : at::sqrt(squared + 1e-12);
}

bool const registered = register_in<BalanceLoss>(
    "cv", "Coefficient of variation of the load, squared.",
    {value, with_common({word_setting("power", {"squared", "one"}, "Squared, or as it is")})});

}  // namespace
}  // namespace moewire
