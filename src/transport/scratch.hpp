// Where do rows lie between two steps of an exchange? Memory that grows, on the host or on the GPU.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "gpu/device.hpp"
#include "transport/exchange.hpp"

namespace moewire {

class Scratch {
  public:
    explicit Scratch(MemoryKind kind) : kind_(kind) {}

    // At least so many bytes; what was there is lost when it grows.
    std::span<std::byte> room(std::size_t bytes) {
        if (kind_ == MemoryKind::host) {
            if (host_.size() < bytes) host_.resize(bytes);
            return std::span(host_).first(bytes);
        }
        if (!device_ || device_->bytes().size() < bytes) {
            device().synchronise();  // somebody may still use the old one
            device_.reset();
            device_ = device().allocate(bytes, DeviceMemory::device);
        }
        return device_->bytes().first(bytes);
    }

  private:
    MemoryKind kind_;
    std::vector<std::byte> host_;
    std::unique_ptr<DeviceBuffer> device_;
};

// Stream: the current one, for device memory.
inline void copy_bytes(MemoryKind kind, std::byte* to, std::byte const* from, std::size_t bytes) {
    if (bytes == 0) return;
    if (kind == MemoryKind::device) return device().copy(to, from, bytes);
    std::memcpy(to, from, bytes);
}

}  // namespace moewire
