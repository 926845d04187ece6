// Where do the rows of a replay lie? Memory that the exchange works on, and how the host writes and reads it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "gpu/device.hpp"
#include "transport/exchange.hpp"

namespace moewire {

class RowMemory {
  public:
    explicit RowMemory(MemoryKind kind) : kind_(kind) {}

    MemoryKind kind() const { return kind_; }
    // At least so many bytes; what was there is lost when it grows.
    void reserve(std::size_t bytes);
    // The first so many, where exchanges find them.
    std::span<std::byte> rows(std::size_t bytes) const;
    // The same as the host sees them: after pull() what the rows were, before push() what they will be. In
    // host memory both are the rows themselves.
    std::span<std::byte> on_host(std::size_t bytes) { return std::span(host_).first(bytes); }
    void pull(std::size_t bytes);
    void push(std::size_t bytes);

  private:
    MemoryKind kind_;
    mutable std::vector<std::byte> host_;
    std::unique_ptr<DeviceBuffer> device_;
};

// Memory of the rows on their way. Cases that are compared share it: where a buffer happens to lie in memory
// is worth several percent, and would look like a difference between equal placements.
struct ExchangeBuffers {
    explicit ExchangeBuffers(MemoryKind kind) : home(kind), expert(kind) {}
    RowMemory home, expert;
};

}  // namespace moewire
