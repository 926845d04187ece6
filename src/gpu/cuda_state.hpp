// How fast may the GPU run at this moment? From the driver's management library. (Of the CUDA library alone.)
#pragma once

#include <string>

#include "gpu/device.hpp"

namespace moewire {

// Nothing but defaults where the management library is missing. Never throws.
DeviceState state_of(std::string const& pci_bus_id);

}  // namespace moewire
