#include "system/environment.hpp"

#include <array>
#include <cstdlib>
#include <regex>
#include <string_view>
#include <unistd.h>

#include "moewire_version.hpp"

extern char** environ;

namespace moewire::environment {
namespace fs = std::filesystem;
namespace {

std::optional<std::string> variable(char const* name) {
    char const* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
}

// "~" at the front, $NAME and ${NAME} anywhere; a name that is not set stays as it is, as in Python.
fs::path expanded(std::string text) {
    if (text == "~" || text.starts_with("~/")) text.replace(0, 1, variable("HOME").value_or("/"));
    static std::regex const reference(R"(\$(\w+|\{[^}]*\}))");
    std::string result;
    auto rest = text.cbegin();
    for (std::sregex_iterator match(text.begin(), text.end(), reference), end; match != end; ++match) {
        auto name = (*match)[1].str();
        if (name.front() == '{') name = name.substr(1, name.size() - 2);
        result.append(rest, (*match)[0].first);
        result += variable(name.c_str()).value_or(match->str());
        rest = (*match)[0].second;
    }
    return result.append(rest, text.cend());
}

bool is_home(fs::path const& folder) {
    std::error_code ignored;
    return fs::is_directory(folder / "bench" / "suites", ignored) && fs::exists(folder / "scripts", ignored);
}

fs::path program_folder() {
    std::error_code ignored;
    return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

bool is_recorded(std::string_view name) {
    static constexpr std::array prefixes{"NCCL_",     "OMPI_MCA_",   "UCX_",     "CUDA_", "OMP_",
                                         "SLURM_JOB", "SLURM_ARRAY", "MOEWIRE_", "MKL_"};
    static constexpr std::array launcher{"uri", "key", "jobid", "URI", "KEY", "ess_base", "orte_", "pmix"};
    bool wanted = false;
    for (auto const* prefix : prefixes) wanted = wanted || name.starts_with(prefix);
    for (auto const* part : launcher) wanted = wanted && name.find(part) == std::string_view::npos;
    return wanted;
}

}  // namespace

fs::path home() {
    if (auto const named = variable("MOEWIRE_HOME")) return *named;
    for (fs::path folder = program_folder(); folder.has_relative_path(); folder = folder.parent_path()) {
        if (is_home(folder)) return folder;
    }
    return MOEWIRE_SOURCE_DIR;
}

fs::path cache() {
    if (auto const named = variable("MOEWIRE_CACHE")) return *named;
    return home() / ".cache";
}

fs::path python() {
    if (auto const named = variable("MOEWIRE_PYTHON")) return *named;
    fs::path const in_home = home() / ".venv" / "bin" / "python";
    return fs::exists(in_home) ? in_home : fs::path(MOEWIRE_DEFAULT_PYTHON);
}

fs::path hugging_face_cache() {
    if (auto const named = variable("HF_HUB_CACHE")) return expanded(*named);
    if (auto const named = variable("HUGGINGFACE_HUB_CACHE")) return expanded(*named);
    if (auto const named = variable("HF_HOME")) return expanded(*named) / "hub";
    return expanded(variable("XDG_CACHE_HOME").value_or("~/.cache")) / "huggingface" / "hub";
}

std::vector<fs::path> model_caches() {
    std::vector<fs::path> caches{hugging_face_cache()};
    if (auto const named = variable("TRANSFORMERS_CACHE"); named && expanded(*named) != caches.front())
        caches.push_back(expanded(*named));
    return caches;
}

bool launched_by_mpi() {
    return variable("OMPI_COMM_WORLD_SIZE") || variable("PMIX_RANK") || variable("PMI_RANK");
}

std::string slurm_job() {
    auto const array = variable("SLURM_ARRAY_JOB_ID"), task = variable("SLURM_ARRAY_TASK_ID");
    return array && task ? *array + "_" + *task : variable("SLURM_JOB_ID").value_or("");
}

std::optional<std::string> visible_gpus() {
    return variable("CUDA_VISIBLE_DEVICES");
}

void choose_interface(std::string const& name) {
    ::setenv("OMPI_MCA_btl_tcp_if_include", name.c_str(), 0);
    ::setenv("NCCL_SOCKET_IFNAME", ("=" + name).c_str(), 0);
}

bool allows_ranks_to_share_a_gpu() {
    return variable("NCCL_MULTI_RANK_GPU_ENABLE") == "1";
}

std::optional<NcclFiles> listen_to_nccl() {
    static auto const files = []() -> std::optional<NcclFiles> {
        if (variable("NCCL_DEBUG") || variable("NCCL_DEBUG_FILE")) return std::nullopt;
        auto const stem =
            std::filesystem::temp_directory_path() / ("moewire-nccl-" + std::to_string(::getpid()));
        NcclFiles const made{stem.string() + ".log", stem.string() + ".xml"};
        ::setenv("NCCL_DEBUG", "INFO", 0);
        ::setenv("NCCL_DEBUG_SUBSYS", "INIT", 0);
        ::setenv("NCCL_DEBUG_FILE", made.log.c_str(), 0);
        ::setenv("NCCL_TOPO_DUMP_FILE", made.topology.c_str(), 0);
        return made;
    }();
    return files;
}

std::map<std::string, std::string> snapshot() {
    std::map<std::string, std::string> found;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        std::string_view const text = *entry;
        auto const equals = text.find('=');
        if (equals == std::string_view::npos || !is_recorded(text.substr(0, equals))) continue;
        found.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return found;
}

}  // namespace moewire::environment
