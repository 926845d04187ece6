#include "bench/command.hpp"

#include <algorithm>
#include <cstdio>

namespace moewire {

std::string both_spellings(std::string const& name) {
    auto dashed = name;
    std::replace(dashed.begin(), dashed.end(), '_', '-');
    return dashed == name ? "--" + name : "--" + name + ",--" + dashed;
}

CLI::Option* flag(CLI::App& app, std::string const& name, bool& value, std::string const& help) {
    return app.add_flag(both_spellings(name), value, help);
}

void print(Context const& context, std::string const& text) {
    if (!context.world.is_root()) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

}  // namespace moewire
