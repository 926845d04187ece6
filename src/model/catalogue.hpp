// What can the model room choose from? Its catalogues as plain text, so that nobody needs torch to list them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace moewire {

// Each catalogue with its entries: name and description, sorted.
std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> model_catalogues();

}  // namespace moewire
