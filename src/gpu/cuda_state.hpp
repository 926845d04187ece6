// How fast may the GPU run at this moment? From the driver's management library. (Of the CUDA library alone.)
#pragma once

#include <string>

#include "gpu/device.hpp"

namespace moewire {

// Nothing but defaults where the management library is missing. Never throws.
DeviceState state_of(std::string const& pci_bus_id);

// The active NVLinks of the GPU, and what they carry together in one direction, on paper; 0 where there are
// none, or nothing is known of their version. Never throws.
struct NvLinks {
    int count = 0;
    double bytes_per_s = 0;
};
NvLinks nv_links_of(std::string const& pci_bus_id);

}  // namespace moewire
