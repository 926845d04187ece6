#include "system/provenance.hpp"

#include <string_view>

#include "moewire_version.hpp"

namespace moewire {

ProgramVersion program_version() {
    return {MOEWIRE_VERSION, MOEWIRE_GIT_STATE, MOEWIRE_BUILD_TYPE, MOEWIRE_COMPILER};
}

std::string command_line(int argc, char const* const* argv) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+@%";
    std::string line;
    for (int i = 0; i < argc; ++i) {
        std::string_view const word = argv[i];
        if (i > 0) line += ' ';
        if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) {
            line += word;
            continue;
        }
        line += '\'';
        for (char const c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
        line += '\'';
    }
    return line;
}

}  // namespace moewire
