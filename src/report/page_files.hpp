// What does the page bring along? Its script, style and frame, as they lie in page/, inside the program.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace moewire {

// Name and content, sorted by name: scripts run in that order.
std::vector<std::pair<std::string_view, std::string_view>> const& page_files();

}  // namespace moewire
