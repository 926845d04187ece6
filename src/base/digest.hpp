// Are these the same bytes? A 128-bit digest (XXH3) for plans, weights, parameters and payloads.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace moewire {

// Collects bytes; `hex()` may be asked at any time. Not for secrets: XXH3 is fast, not cryptographic.
class Digest {
  public:
    Digest();
    ~Digest();
    Digest(Digest&&) noexcept;
    Digest& operator=(Digest&&) noexcept;

    void update(std::span<std::byte const> bytes);
    void update(std::string_view text);
    template <class T>
    void update(std::vector<T> const& values) {
        update(std::as_bytes(std::span<T const>(values)));
    }

    std::string hex() const;  // 32 hexadecimal digits

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace moewire
