// What is said while the program runs? Short lines on standard error; results go to standard output.
#pragma once

#include <string_view>

namespace moewire {

enum class Verbosity { quiet, normal };

// Set once at start; ranks other than 0 are set quiet for notes, never for warnings.
void set_verbosity(Verbosity verbosity);

// Prefix of warnings, e.g. "rank 2/4"; empty outside MPI.
void set_log_origin(std::string_view origin);

void log_note(std::string_view message);
void log_warning(std::string_view message);
void log_error(std::string_view message);

}  // namespace moewire
