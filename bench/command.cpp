#include "bench/command.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace moewire {
namespace {

std::string both_spellings(std::string const& name) {
    auto dashed = name;
    std::replace(dashed.begin(), dashed.end(), '_', '-');
    return dashed == name ? "--" + name : "--" + name + ",--" + dashed;
}

}  // namespace

template <class T>
void option(CLI::App& app, std::string const& name, T& value, std::string const& help, Presence presence) {
    app.add_option(both_spellings(name), value, help)
        ->capture_default_str()
        ->required(presence == Presence::required);
}
template void option(CLI::App&, std::string const&, std::string&, std::string const&, Presence);
template void option(CLI::App&, std::string const&, std::int32_t&, std::string const&, Presence);
template void option(CLI::App&, std::string const&, std::int64_t&, std::string const&, Presence);
template void option(CLI::App&, std::string const&, std::uint64_t&, std::string const&, Presence);
template void option(CLI::App&, std::string const&, double&, std::string const&, Presence);
template void option(CLI::App&, std::string const&, std::vector<std::string>&, std::string const&, Presence);
template void option(CLI::App&, std::string const&, std::vector<double>&, std::string const&, Presence);

void flag(CLI::App& app, std::string const& name, bool& value, std::string const& help) {
    app.add_flag(both_spellings(name), value, help)->default_str(value ? "true" : "false");
}

template <class T>
void argument(CLI::App& app, std::string const& name, T& value, std::string const& help, Presence presence) {
    app.add_option(name, value, help)->required(presence == Presence::required);
}
template void argument(CLI::App&, std::string const&, std::string&, std::string const&, Presence);
template void argument(CLI::App&, std::string const&, std::vector<std::string>&, std::string const&,
                       Presence);

void footer(CLI::App& app, std::string const& text) {
    app.footer(text);
}

void read_options(std::filesystem::path const& path, std::string_view source, std::string_view remedy,
                  std::function<void(CLI::App&)> const& declare) {
    CLI::App reader;
    declare(reader);
    reader.allow_config_extras(CLI::config_extras_mode::error);
    try {
        std::ifstream file(path);
        reader.parse_from_stream(file);
    } catch (CLI::Error const& error) {
        throw input_error(source, fmt::format("{}: {}; {}", path.string(), error.what(), remedy));
    }
}

std::string written_options(std::function<void(CLI::App&)> const& declare) {
    CLI::App app;
    declare(app);
    return app.config_to_str(true);
}

void print(Context const& context, std::string const& text) {
    if (!context.world.is_root()) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

}  // namespace moewire
