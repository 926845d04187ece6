#include "model/catalogue.hpp"

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

std::string settings_of(Architecture const&) {
    return "";
}
std::string settings_of(RoutingPolicy const& policy) {
    return describe(policy.settings);
}

template <class T>
std::pair<std::string, std::vector<std::pair<std::string, std::string>>> listing() {
    std::vector<std::pair<std::string, std::string>> entries;
    for (auto const& entry : Registry<T>::instance().entries())
        entries.emplace_back(entry.name, entry.description + settings_of(entry.value));
    return {T::catalogue, entries};
}

}  // namespace

std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> model_catalogues() {
    return {listing<Architecture>(), listing<RoutingPolicy>()};
}

}  // namespace moewire
