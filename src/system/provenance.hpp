// Where does a result come from? Program, build, machine and environment, for the head of every trace.
#pragma once

#include <string>
#include <vector>

namespace moewire {

struct ProgramVersion {
    std::string version;     // "0.1.0"
    std::string git_state;   // "1a2b3c4d5e6f" or "...-dirty"
    std::string build_type;  // "Release"
    std::string compiler;    // "GNU 12.2.0"
};

ProgramVersion program_version();

// The command line, joined so that a shell would read it back.
std::string command_line(int argc, char const* const* argv);

}  // namespace moewire
