#include "base/digest.hpp"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

namespace moewire {

struct Digest::State {
    XXH3_state_t xxh;
};

Digest::Digest() : state_(std::make_unique<State>()) {
    XXH3_128bits_reset(&state_->xxh);
}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::span<std::byte const> bytes) {
    XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void Digest::update(std::string_view text) {
    update(std::as_bytes(std::span<char const>(text)));
}

std::string Digest::hex() const {
    auto const hash = XXH3_128bits_digest(&state_->xxh);
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace moewire
