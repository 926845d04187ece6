#include "gpu/gpu.hpp"

#include <dlfcn.h>
#include <filesystem>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"

namespace moewire {
namespace {

constexpr char const* library_name = "libmoewire_cuda.so";

Gpu* in_use = nullptr;

Error no_gpu(std::string const& why, std::string const& advice) {
    return unavailable("gpu", fmt::format("no GPU can be used ({}); {}", why, advice));
}

// Beside the program, whose folder /proc names.
std::filesystem::path library_path() {
    std::error_code problem;
    auto const program = std::filesystem::read_symlink("/proc/self/exe", problem);
    return program.parent_path() / library_name;
}

Gpu& load() {
    auto const path = library_path();
    if (!std::filesystem::exists(path))
        throw no_gpu(fmt::format("{} is not there: the program was built without CUDA", path.string()),
                     "build it where nvcc is, or compute on the CPU");
    // Torch's CUDA kernels register themselves in the torch that is loaded already.
    void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr)
        throw no_gpu(::dlerror(), "repair the installation of torch, or compute on the CPU");
    auto* const make = reinterpret_cast<Gpu* (*)()>(::dlsym(library, "moewire_make_gpu_1"));
    if (make == nullptr)
        throw no_gpu(fmt::format("{} is of another version", path.string()), "build the program anew");
    return *make();
}

}  // namespace

Gpu& use_gpu(int index) {
    if (in_use == nullptr) {
        auto& loaded = load();
        if (loaded.device_count() == 0)
            throw no_gpu("CUDA finds no device here", "look at nvidia-smi, or compute on the CPU");
        in_use = &loaded;
    }
    if (index < 0 || index >= in_use->device_count())
        throw no_gpu(fmt::format("there is no GPU {} among {}", index, in_use->device_count()),
                     "start one rank a GPU, or name another");
    in_use->select(index);
    return *in_use;
}

Gpu& gpu() {
    MOEWIRE_EXPECT(in_use != nullptr);
    return *in_use;
}

}  // namespace moewire
