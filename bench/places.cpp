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

std::vector<std::string> names_in(char const* folder, std::string const& ending) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(environment::home() / "bench" / folder, ignored)) {
        if (entry.path().extension() == ending) names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

fs::path named_file(std::string const& name, char const* folder, std::string const& ending,
                    char const* what) {
    if (fs::is_regular_file(name)) return name;
    auto const in_home = environment::home() / "bench" / folder / (name + ending);
    if (name.find('/') == std::string::npos && fs::is_regular_file(in_home)) return in_home;
    throw usage_error(fmt::format("unknown {} '{}'; use one of: {}, or a {} file", what, name,
                                  fmt::join(names_in(folder, ending), ", "),
                                  ending == ".toml" ? "TOML" : "config.json"));
}

}  // namespace

ModelPlaces model_places() {
    return {environment::home() / "models", environment::model_caches()};
}

TextPlaces text_places() {
    return {environment::cache(), environment::hugging_face_cache(),
            environment::home() / "scripts" / "fetch_text.py"};
}

fs::path suite_file(std::string const& name) {
    return named_file(name, "suites", ".toml", "suite");
}
fs::path topology_file(std::string const& name) {
    return named_file(name, "topologies", ".toml", "topology");
}
fs::path geometry_file(std::string const& name) {
    return named_file(name, "geometries", ".json", "geometry");
}
std::vector<std::string> geometry_names() {
    return names_in("geometries", ".json");
}

fs::path shape_file(std::string const& name) {
    return named_file(name, "shapes", ".toml", "shape");
}
std::vector<std::string> shape_names() {
    return names_in("shapes", ".toml");
}

std::optional<std::string> geometry_of(std::string const& model) {
    constexpr std::string_view prefix = "synth:";
    if (!model.starts_with(prefix)) return std::nullopt;
    return model.substr(prefix.size());
}

fs::path tokenizer_without_model() {
    return environment::home() / "models" / "tiny-phimoe" / "tokenizer.json";
}

namespace {

// Starts Python with a script of ours and waits. Returns why it failed, or nothing.
std::optional<std::string> run_python(std::vector<std::string> const& words) {
    std::vector<char*> arguments;
    for (auto const& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    int state = 0;
    int const problem = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
    if (problem == 0 && ::waitpid(child, &state, 0) == child && WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return std::nullopt;
    return problem != 0 ? std::strerror(problem) : "see the lines above";
}

std::vector<std::string> script_line(std::string const& script, std::vector<std::string> const& arguments) {
    std::vector<std::string> words{environment::python().string(),
                                   (environment::home() / "scripts" / script).string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
}

}  // namespace

void run_script(std::string const& script, std::vector<std::string> const& arguments) {
    auto const words = script_line(script, arguments);
    auto const problem = run_python(words);
    if (!problem) return;
    throw unavailable("python",
                      fmt::format("{} did not work ({}); once scripts/setup.sh has installed its packages, "
                                  "try again: {}",
                                  script, *problem, fmt::join(words, " ")));
}

void draw(std::string const& what, fs::path const& source, fs::path const& folder) {
    auto const words = script_line("plot.py", {what, source.string(), "--output", folder.string()});
    auto const problem = run_python(words);
    if (!problem) return;
    log_warning(
        fmt::format("no figures were drawn ({}); once Python has numpy, h5py and matplotlib, type: {}",
                    *problem, fmt::join(words, " ")));
}

fs::path plotly() {
    auto const prefix = environment::python().parent_path().parent_path();
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(prefix / "lib", ignored)) {
        for (auto const* packages : {"site-packages", "dist-packages"}) {
            auto const file = entry.path() / packages / "plotly" / "package_data" / "plotly.min.js";
            if (fs::is_regular_file(file)) return file;
        }
    }
    log_warning(
        fmt::format("figures of report.html are left out, its numbers stay ({} has no package plotly); "
                    "run scripts/setup.sh, or name plotly.min.js with --library",
                    prefix.string()));
    return {};
}

}  // namespace moewire
