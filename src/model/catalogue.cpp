#include "model/catalogue.hpp"

#include <fmt/format.h>

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

std::string settings_of(Architecture const&) {
    return "";
}
std::string settings_of(RoutingPolicy const& policy) {
    return fmt::format("{} (a choice depends on: {})", describe(policy.settings),
                       name_of(policy.scope(Settings(policy.settings, Spec{}))));
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
