#include "measure/row_memory.hpp"

namespace moewire {

void RowMemory::reserve(std::size_t bytes) {
    if (host_.size() < bytes) host_.resize(bytes);
    if (kind_ == MemoryKind::host || (device_ && device_->bytes().size() >= bytes)) return;
    device_.reset();
    device_ = device().allocate(bytes, DeviceMemory::device);
    device().fill(device_->bytes().data(), std::byte{0}, bytes);
}

std::span<std::byte> RowMemory::rows(std::size_t bytes) const {
    if (kind_ == MemoryKind::host) return std::span(host_).first(bytes);
    return device_ ? device_->bytes().first(bytes) : std::span<std::byte>();
}

void RowMemory::pull(std::size_t bytes) {
    if (kind_ == MemoryKind::host || bytes == 0) return;
    device().copy(host_.data(), device_->bytes().data(), bytes);
    device().synchronise();
}

void RowMemory::push(std::size_t bytes) {
    if (kind_ == MemoryKind::host || bytes == 0) return;
    device().copy(device_->bytes().data(), host_.data(), bytes);
    device().synchronise();
}

}  // namespace moewire
