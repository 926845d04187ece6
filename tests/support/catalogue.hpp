// Tests over all registered names: a new catalogue file is tested the moment it exists.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/registry.hpp"

namespace moewire {

template <class T>
std::vector<std::string> catalogue_names() {
    std::vector<std::string> names;
    for (auto const& entry : Registry<T>::instance().entries()) names.push_back(entry.name);
    return names;
}

inline std::string parameter_name(testing::TestParamInfo<std::string> const& parameter) {
    return parameter.param;
}

}  // namespace moewire
