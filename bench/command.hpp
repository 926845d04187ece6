// What can be typed? The interface of every command in commands/.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/registry.hpp"
#include "system/communicator.hpp"

// Named alone: the header of CLI11 costs every file that sees it five seconds of compilation.
namespace CLI {
class App;
}

namespace moewire {

// Longest that an exchange may take or a rank stand still, unless told. Unit: seconds.
constexpr double default_timeout_s = 120;

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

// An option in both spellings: option(app, "max_samples", ...) takes --max_samples and --max-samples. Its
// value before parsing is shown as the default. T: std::string, int, a fixed-width integer, double, or a
// std::vector of double or std::string (command.cpp lists them).
enum class Presence { required, optional };
template <class T>
void option(CLI::App& app, std::string const& name, T& value, std::string const& help,
            Presence presence = Presence::optional);
void flag(CLI::App& app, std::string const& name, bool& value, std::string const& help);

// What is typed without a name. T: std::string or a vector of it.
template <class T>
void argument(CLI::App& app, std::string const& name, T& value, std::string const& help,
              Presence presence = Presence::required);

// The last lines of --help.
void footer(CLI::App& app, std::string const& text);

// Fills the options that `declare` declares from a TOML file of their names; `remedy` ends a refusal.
// Throws: usage (source `source`), naming the file, when it cannot be parsed or names another option.
void read_options(std::filesystem::path const& path, std::string_view source, std::string_view remedy,
                  std::function<void(CLI::App&)> const& declare);

// The options that `declare` declares with their values, one a line, as a TOML file has them.
std::string written_options(std::function<void(CLI::App&)> const& declare);

// Prints on rank 0 alone.
void print(Context const& context, std::string const& text);

}  // namespace moewire
