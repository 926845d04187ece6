#include "bench/places.hpp"

#include <algorithm>
#include <cstring>
#include <spawn.h>
#include <sys/wait.h>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "system/environment.hpp"

extern char** environ;

namespace moewire {
namespace fs = std::filesystem;
namespace {

fs::path named_file(std::string const& name, char const* folder, char const* what) {
    if (fs::is_regular_file(name)) return name;
    auto const home = environment::home() / "bench" / folder;
    if (name.find('/') == std::string::npos && fs::is_regular_file(home / (name + ".toml")))
        return home / (name + ".toml");
    std::vector<std::string> names;
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(home, ignored)) {
        if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    throw usage_error(
        fmt::format("unknown {} '{}'; use one of: {}, or a TOML file", what, name, fmt::join(names, ", ")));
}

}  // namespace

ModelPlaces model_places() {
    return {environment::home() / "models", environment::hugging_face_cache()};
}

TextPlaces text_places() {
    return {environment::cache(), environment::hugging_face_cache(),
            environment::home() / "scripts" / "fetch_text.py"};
}

fs::path suite_file(std::string const& name) {
    return named_file(name, "suites", "suite");
}
fs::path topology_file(std::string const& name) {
    return named_file(name, "topologies", "topology");
}

void draw(std::string const& what, fs::path const& source, fs::path const& folder) {
    auto const python = environment::python().string();
    auto const script = (environment::home() / "scripts" / "plot.py").string();
    std::vector<std::string> const words{python, script, what, source.string(), "--output", folder.string()};
    std::vector<char*> arguments;
    for (auto const& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    int state = 0;
    int const problem = ::posix_spawnp(&child, python.c_str(), nullptr, nullptr, arguments.data(), environ);
    if (problem == 0 && ::waitpid(child, &state, 0) == child && WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return;
    log_warning(
        fmt::format("no figures were drawn ({}); once Python has numpy, h5py and matplotlib, type: {}",
                    problem != 0 ? std::strerror(problem) : "see the lines above", fmt::join(words, " ")));
}

}  // namespace moewire
