#include "base/log.hpp"

#include <cstdio>
#include <string>

#include <fmt/format.h>

namespace moewire {
namespace {

Verbosity verbosity = Verbosity::normal;
std::string origin;

void say(std::string_view kind, std::string_view message) {
    // One write a line, so that lines of several ranks do not interleave.
    std::string const line =
        fmt::format("moewire: {}{}{}\n", origin.empty() ? "" : "[" + origin + "] ", kind, message);
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fflush(stderr);
}

}  // namespace

void set_verbosity(Verbosity value) {
    verbosity = value;
}
void set_log_origin(std::string_view value) {
    origin = value;
}

void log_note(std::string_view message) {
    if (verbosity == Verbosity::normal) say("", message);
}
void log_warning(std::string_view message) {
    say("warning: ", message);
}
void log_error(std::string_view message) {
    say("error: ", message);
}

}  // namespace moewire
