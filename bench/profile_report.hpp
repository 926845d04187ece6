// What does a profile say? Its figures as the text that a person reads.
#pragma once

#include <string>

#include "base/json.hpp"

namespace moewire {

// `json`: one text's figures, as expert_assignment_stats.json holds them.
std::string profile_report(Json const& json);

// Several texts beside each other, one column each. `domains`: name -> figures.
std::string compare_domains(Json const& domains);

}  // namespace moewire
