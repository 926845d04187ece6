#include "system/network.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <filesystem>
#include <fstream>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moewire {
namespace fs = std::filesystem;
namespace {

std::string first_line(fs::path const& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

double speed_of(std::string const& name) {
    std::ifstream file("/sys/class/net/" + name + "/speed");
    double speed = 0;
    return file >> speed && speed > 0 ? speed : 0;
}

std::vector<fs::path> folders_in(fs::path const& folder) {
    std::error_code missing;
    std::vector<fs::path> found;
    for (auto const& entry : fs::directory_iterator(folder, missing)) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

std::vector<NetworkInterface> network_interfaces() {
    std::vector<NetworkInterface> found;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return found;
    for (auto const* at = list; at != nullptr; at = at->ifa_next) {
        auto one = std::find_if(found.begin(), found.end(),
                                [&](NetworkInterface const& known) { return known.name == at->ifa_name; });
        if (one == found.end()) {
            one = found.insert(found.end(), {at->ifa_name, "", (at->ifa_flags & IFF_RUNNING) != 0,
                                             (at->ifa_flags & IFF_LOOPBACK) != 0, speed_of(at->ifa_name)});
        }
        if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET || !one->address.empty()) continue;
        char text[INET_ADDRSTRLEN];
        auto const* const address = reinterpret_cast<sockaddr_in const*>(at->ifa_addr);
        if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) one->address = text;
    }
    ::freeifaddrs(list);
    return found;
}

std::vector<InfinibandPort> infiniband_ports() {
    std::vector<InfinibandPort> ports;
    for (auto const& device : folders_in("/sys/class/infiniband")) {
        for (auto const& port : folders_in(device / "ports"))
            ports.push_back({device.filename().string() + ":" + port.filename().string(),
                             first_line(port / "state"), first_line(port / "rate"),
                             first_line(port / "link_layer")});
    }
    return ports;
}

std::string gpu_direct_module() {
    for (auto const* name : {"nvidia_peermem", "nv_peer_mem"}) {
        if (fs::exists(fs::path("/sys/module") / name)) return name;
    }
    return "";
}

std::string show_network() {
    std::vector<std::string> words;
    for (auto const& one : network_interfaces()) {
        if (one.is_loopback || !one.is_up || one.address.empty()) continue;
        words.push_back(one.speed_mbit_per_s > 0 ? fmt::format("{} {} ({:g} Gbit/s)", one.name, one.address,
                                                               one.speed_mbit_per_s / 1000)
                                                 : one.name + " " + one.address);
    }
    for (auto const& port : infiniband_ports()) {
        if (port.is_active()) words.push_back(fmt::format("{} {} {}", port.device, port.layer, port.rate));
    }
    return words.empty() ? "loopback alone" : fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace moewire
