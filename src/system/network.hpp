// By which wires can this host be reached?
#pragma once

#include <string>
#include <vector>

namespace moewire {

struct NetworkInterface {
    std::string name;
    std::string address;  // IPv4; empty: none
    bool is_up = false;
    bool is_loopback = false;
    double speed_mbit_per_s = 0;  // as the driver says; 0: it does not
};
std::vector<NetworkInterface> network_interfaces();

struct InfinibandPort {
    std::string device;  // "mlx5_0:1"
    std::string state;   // "4: ACTIVE"
    std::string rate;    // "400 Gb/sec (4X NDR)"
    std::string layer;   // "InfiniBand" or "Ethernet"
    bool is_active() const { return state.find("ACTIVE") != std::string::npos; }
};
std::vector<InfinibandPort> infiniband_ports();

// The kernel module by which network cards read GPU memory ("nvidia_peermem"); empty: none is loaded.
std::string gpu_direct_module();

// Interfaces that are up and InfiniBand ports that are active, in one line.
std::string show_network();

}  // namespace moewire
