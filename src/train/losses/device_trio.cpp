// Balance of experts, of devices, and of what devices receive, for experts in equal consecutive groups.
// Source: DeepSeek-V2, arXiv 2405.04434, equations 23 to 31.
#include <ATen/ATen.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

at::Tensor value(LayerLoad const& layer, Settings const& settings) {
    auto const experts = layer.experts(), devices = settings.whole("devices"), top_k = layer.top_k();
    if (experts % devices != 0)
        throw usage_error(
            "device_trio wants devices that divide the number of experts (groups are equal); "
            "set devices=... to a divisor");
    auto const of_device = [&](at::Tensor const& per_expert) { return per_expert.view({devices, -1}); };
    auto const count = static_cast<double>(experts);
    auto const frequency = layer.hard * count;  // 1 for an expert with its fair share
    auto const by_expert = (frequency * layer.soft).sum();
    auto const by_device = (of_device(frequency).mean(1) * of_device(layer.soft).sum(1)).sum();
    // A token counts once for each device that it is sent to.
    auto const device = at::floor_divide(layer.picks.clamp_min(0), experts / devices);
    auto const sent = at::zeros({layer.picks.size(0), devices}, layer.shares.options())
                          .scatter_(1, device, at::ones_like(device, layer.shares.options()));
    auto const most =
        static_cast<double>(std::min(devices, settings.whole("reach") > 0 ? settings.whole("reach") : top_k));
    auto const arrivals = layer.sum(sent.sum(0)) * (static_cast<double>(devices) / (most * layer.tokens));
    auto const by_arrival = (arrivals * of_device(layer.soft).sum(1)).sum();
    return settings.number("expert") * by_expert + settings.number("device") * by_device +
           settings.number("communication") * by_arrival;
}

bool const registered = register_in<BalanceLoss>(
    "device_trio", "Balance of experts, devices and what devices receive (DeepSeek-V2).",
    {value,
     with_common(
         {whole_setting("devices", 4, 1, 1 << 20, "Groups of consecutive experts"),
          whole_setting("reach", 0, 0, 1 << 20, "Devices that a token may reach; 0: as many as its experts"),
          number_setting("expert", 0.003, 0, 1e6, "Weight of the balance of experts"),
          number_setting("device", 0.05, 0, 1e6, "Weight of the balance of devices"),
          number_setting("communication", 0.02, 0, 1e6, "Weight of the balance of arrivals")})});

}  // namespace
}  // namespace moewire
