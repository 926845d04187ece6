#include "gpu/cuda_state.hpp"

#include <array>
#include <dlfcn.h>

namespace moewire {
namespace {

// What is used of the management library's interface (NVML reference, API version 2): the driver brings the
// library but not its header, and a machine without it still measures.
constexpr int success = 0;
constexpr int sm_clock = 1, memory_clock = 2, gpu_temperature = 0;
using Handle = void*;

struct Nvml {
    int (*init)() = nullptr;
    int (*find)(char const* bus_id, Handle*) = nullptr;
    int (*clock)(Handle, int which, unsigned* mhz) = nullptr;
    int (*power)(Handle, unsigned* milliwatts) = nullptr;
    int (*temperature)(Handle, int which, unsigned* celsius) = nullptr;
    int (*reasons)(Handle, unsigned long long* bits) = nullptr;
    int (*link_state)(Handle, unsigned link, int* active) = nullptr;
    int (*link_version)(Handle, unsigned link, unsigned* version) = nullptr;
    bool is_ready = false;

    Nvml() {
        void* const library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW);
        if (library == nullptr) return;
        auto const load = [&](auto& function, char const* name) {
            function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
        };
        load(init, "nvmlInit_v2");
        load(find, "nvmlDeviceGetHandleByPciBusId_v2");
        load(clock, "nvmlDeviceGetClockInfo");
        load(power, "nvmlDeviceGetPowerUsage");
        load(temperature, "nvmlDeviceGetTemperature");
        load(reasons, "nvmlDeviceGetCurrentClocksThrottleReasons");
        load(link_state, "nvmlDeviceGetNvLinkState");
        load(link_version, "nvmlDeviceGetNvLinkVersion");
        is_ready = init != nullptr && find != nullptr && init() == success;
    }
};

struct Reason {
    unsigned long long bit;
    char const* name;
};
// An idle GPU lowers its clocks as well: that is no throttling.
constexpr std::array throttling{Reason{0x04, "power cap"}, Reason{0x08, "hardware slowdown"},
                                Reason{0x20, "thermal"}, Reason{0x40, "hardware thermal"},
                                Reason{0x80, "power brake"}};

std::string names_of(unsigned long long reasons) {
    std::string names;
    for (auto const& reason : throttling) {
        if ((reasons & reason.bit) != 0) names += (names.empty() ? "" : ",") + std::string(reason.name);
    }
    return names;
}

// One link, one direction, by the library's number of its version (1.0, 2.0, 2.2, 3.0, 3.1, 4.0, 5.0), as
// `nvidia-smi nvlink -s` says it of an H100 (4.0: 26.562 GB/s); the others have met no machine yet.
constexpr std::array link_rates{0.0, 20e9, 25.782e9, 25.782e9, 25.782e9, 25.782e9, 26.5625e9, 53.125e9};
constexpr unsigned most_links = 18;

Nvml const& management() {
    static Nvml const nvml;
    return nvml;
}

}  // namespace

NvLinks nv_links_of(std::string const& pci_bus_id) {
    auto const& nvml = management();
    Handle device = nullptr;
    if (!nvml.is_ready || nvml.link_state == nullptr || nvml.link_version == nullptr ||
        nvml.find(pci_bus_id.c_str(), &device) != success)
        return {};
    NvLinks links;
    for (unsigned link = 0; link < most_links; ++link) {
        int active = 0;
        unsigned version = 0;
        if (nvml.link_state(device, link, &active) != success || active == 0) continue;
        if (nvml.link_version(device, link, &version) != success || version >= link_rates.size()) return {};
        ++links.count;
        links.bytes_per_s += link_rates[version];
    }
    return links;
}

DeviceState state_of(std::string const& pci_bus_id) {
    auto const& nvml = management();
    DeviceState state;
    Handle device = nullptr;
    if (!nvml.is_ready || nvml.find(pci_bus_id.c_str(), &device) != success) return state;
    unsigned value = 0;
    if (nvml.clock != nullptr && nvml.clock(device, sm_clock, &value) == success) state.sm_clock_mhz = value;
    if (nvml.clock != nullptr && nvml.clock(device, memory_clock, &value) == success)
        state.memory_clock_mhz = value;
    if (nvml.power != nullptr && nvml.power(device, &value) == success) state.power_w = value * 1e-3;
    if (nvml.temperature != nullptr && nvml.temperature(device, gpu_temperature, &value) == success)
        state.temperature_c = value;
    unsigned long long reasons = 0;
    if (nvml.reasons != nullptr && nvml.reasons(device, &reasons) == success)
        state.throttled = names_of(reasons);
    return state;
}

}  // namespace moewire
