#include "train/catalogue.hpp"

#include "base/registry.hpp"
#include "train/balance_loss.hpp"

namespace moewire {

std::pair<std::string, std::vector<std::pair<std::string, std::string>>> loss_catalogue() {
    std::vector<std::pair<std::string, std::string>> entries;
    for (auto const& entry : Registry<BalanceLoss>::instance().entries())
        entries.emplace_back(entry.name, entry.description + describe(entry.value.settings));
    return {BalanceLoss::catalogue, entries};
}

}  // namespace moewire
