// CUDA lives in a shared library of its own beside the program, loaded when a GPU is asked for: nothing else
// needs it.
#include <dlfcn.h>
#include <filesystem>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "gpu/device.hpp"
#include "gpu/gpu.hpp"

namespace moewire {
namespace {

constexpr char const* library_name = "libmoewire_cuda.so";

// The number grows with every change of the interfaces: an older library is then not found.
constexpr char const* make_device_name = "moewire_make_device_3";
constexpr char const* make_gpu_name = "moewire_make_gpu_6";

struct InUse {
    Device* device = nullptr;
    Gpu* gpu = nullptr;
};
InUse in_use;
Gpu* stand_in = nullptr;

Error no_gpu(std::string const& why, std::string const& advice) {
    return unavailable("gpu", fmt::format("no GPU can be used ({}); {}", why, advice));
}

// Beside the program, whose folder /proc names.
std::filesystem::path library_path() {
    std::error_code problem;
    auto const program = std::filesystem::read_symlink("/proc/self/exe", problem);
    return program.parent_path() / library_name;
}

InUse load() {
    auto const path = library_path();
    if (!std::filesystem::exists(path))
        throw no_gpu(fmt::format("{} is not there: the program was built without CUDA", path.string()),
                     "build it where nvcc is, or compute on the CPU");
    // Torch's CUDA kernels register themselves in the torch that is loaded already.
    void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr)
        throw no_gpu(::dlerror(), "repair the installation of torch, or compute on the CPU");
    auto* const make_device = reinterpret_cast<Device* (*)()>(::dlsym(library, make_device_name));
    auto* const make_gpu = reinterpret_cast<Gpu* (*)()>(::dlsym(library, make_gpu_name));
    if (make_device == nullptr || make_gpu == nullptr)
        throw no_gpu(fmt::format("{} is of another version", path.string()), "build the program anew");
    InUse const loaded{make_device(), make_gpu()};
    if (loaded.device->count() == 0)
        throw no_gpu("CUDA finds no device here", "look at nvidia-smi, or compute on the CPU");
    return loaded;
}

}  // namespace

Device& use_gpu(int index) {
    if (in_use.device == nullptr) in_use = load();
    auto const count = in_use.device->count();
    if (index < 0 || index >= count)
        throw no_gpu(fmt::format("there is no GPU {} among {}", index, count),
                     "start one rank a GPU, or name another");
    in_use.device->select(index);
    return *in_use.device;
}

int usable_gpus() {
    try {
        if (in_use.device == nullptr) in_use = load();
        return in_use.device->count();
    } catch (Error const&) {
        return 0;
    }
}

int gpu_for(int place_on_host) {
    auto const gpus = usable_gpus();
    return gpus > 0 ? place_on_host % gpus : place_on_host;
}

bool has_device() {
    return in_use.device != nullptr;
}

Device& device() {
    MOEWIRE_EXPECT(has_device());
    return *in_use.device;
}

Gpu& gpu() {
    if (stand_in != nullptr) return *stand_in;
    MOEWIRE_EXPECT(has_device());
    return *in_use.gpu;
}

void let_stand_in(Gpu* other) {
    stand_in = other;
}

bool has_stand_in() {
    return stand_in != nullptr;
}

}  // namespace moewire
