// What machine is this? Facts for the trace, and the fastest that a core can copy.
#pragma once

#include <cstdint>
#include <string>

namespace moewire {

struct Machine {
    std::string host;     // host name
    std::string boot_id;  // kernel's boot id: equal ids share one clock and one memory
    std::string network;  // the kernel's network namespace: equal ids on one boot share interfaces
    std::string cpu;      // model name
    std::string kernel;   // "Linux 6.1.0 x86_64"
    int cores = 0;        // processors that this process may use
    std::int64_t memory_bytes = 0;
};

Machine this_machine();

// Best rate at which one core copies a buffer that stays in its nearest cache; an upper limit for the rate at
// which a rank can receive through host memory. Takes about 20 ms.
// Unit: bytes of payload per second.
double peak_copy_bytes_per_s();

// Resident memory of this process. Unit: bytes.
std::int64_t resident_bytes();

// The most that it was so far (VmHWM); 0 where the kernel does not say.
std::int64_t peak_resident_bytes();

}  // namespace moewire
