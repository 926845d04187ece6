// How fast may the GPU run at this moment? From the driver's management library. (Of the CUDA library alone.)
#pragma once

#include <string>

#include "gpu/device.hpp"

namespace moewire {

// Nothing but defaults where the management library is missing. Never throws.
DeviceState state_of(std::string const& pci_bus_id);

// What all active NVLinks of the GPU carry in one direction, on paper; 0 where there are none, or nothing is
// known of their version. Never throws.
double link_bytes_per_s(std::string const& pci_bus_id);

}  // namespace moewire
