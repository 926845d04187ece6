// What can the train room choose from? Its catalogue as plain text, so that nobody needs torch to list it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace moewire {

// Name and description of every balance loss, sorted; and the catalogue's name.
std::pair<std::string, std::vector<std::pair<std::string, std::string>>> loss_catalogue();

}  // namespace moewire
