// What can be typed? The interface of every command in commands/.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/registry.hpp"
#include "system/communicator.hpp"

namespace moewire {

// What every command is given.
struct Context {
    Communicator world;
    std::string command_line;  // as typed
};

// A file in commands/.
struct Command {
    static constexpr char const* catalogue = "bench/commands";
    // Declares the options on `app` and returns what runs after parsing. Collective: all ranks. Returns the
    // exit code.
    std::function<std::function<int(Context const&)>(CLI::App& app)> declare;
};

// An option in both spellings: option(app, "max_samples", ...) takes --max_samples and --max-samples.
std::string both_spellings(std::string const& name);
template <class T>
CLI::Option* option(CLI::App& app, std::string const& name, T& value, std::string const& help) {
    return app.add_option(both_spellings(name), value, help)->capture_default_str();
}
CLI::Option* flag(CLI::App& app, std::string const& name, bool& value, std::string const& help);

// Prints on rank 0 alone.
void print(Context const& context, std::string const& text);

}  // namespace moewire
