#include "system/machine.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "system/clock.hpp"

namespace moewire {
namespace {

std::string first_line(char const* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown";
}

int usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return std::max(1, CPU_COUNT(&set));
}

}  // namespace

Machine this_machine() {
    utsname names{};
    ::uname(&names);
    Machine machine;
    machine.host = names.nodename;
    machine.boot_id = first_line("/proc/sys/kernel/random/boot_id");
    std::error_code hidden;
    machine.network = std::filesystem::read_symlink("/proc/self/ns/net", hidden).string();
    machine.cpu = cpu_model();
    machine.kernel = fmt::format("{} {} {}", names.sysname, names.release, names.machine);
    machine.cores = usable_cores();
    machine.memory_bytes = std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
    return machine;
}

double peak_copy_bytes_per_s() {
    double best = 0;
    for (std::size_t const size : {std::size_t{4} << 10, std::size_t{12} << 10, std::size_t{32} << 10}) {
        std::vector<char> from(size, 1), to(size, 0);
        int const copies = static_cast<int>((std::size_t{32} << 20) / size);
        for (int trial = 0; trial < 5; ++trial) {
            double const start_s = monotonic_s();
            for (int copy = 0; copy < copies; ++copy) {
                from[0] = static_cast<char>(copy);
                std::memcpy(to.data(), from.data(), size);
                asm volatile("" : : "r"(to.data()) : "memory");  // the copy must really happen
            }
            best = std::max(best, static_cast<double>(size) * copies / (monotonic_s() - start_s));
        }
    }
    return best;
}

std::int64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::int64_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * ::sysconf(_SC_PAGESIZE);
}

std::int64_t peak_resident_bytes() {
    std::ifstream file("/proc/self/status");
    for (std::string word; file >> word;) {
        std::int64_t kib = 0;
        if (word == "VmHWM:" && file >> kib) return kib * 1024;
    }
    return 0;
}

}  // namespace moewire
