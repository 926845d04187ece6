// How has NCCL set itself up? Read from what it writes while it starts (NCCL_DEBUG=INFO): no call tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moewire {

// Of the first communicator in the log. Nothing where the log does not say.
struct NcclSettings {
    std::optional<std::int64_t> collective_channels, p2p_channels, p2p_channels_per_peer;
    std::optional<std::int64_t> p2p_chunk_bytes;
    std::string version;   // "2.28.9+cuda13.0"
    std::string topology;  // XML, as NCCL dumped it; empty where it did not

    bool is_empty() const { return !p2p_channels && !p2p_chunk_bytes && version.empty(); }
};

// Lines that belong to other programs, or to later versions that say more, are passed over.
// Source: logs that users show in NVIDIA/nccl issues 1189, 1538 and 1680.
NcclSettings read_nccl_log(std::string_view log);

}  // namespace moewire
