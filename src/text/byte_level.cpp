#include "text/byte_level.hpp"

#include <array>

namespace moewire {
namespace {

bool stands_for_itself(int byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
    std::array<std::string, 256> character;        // of each byte
    std::array<std::int16_t, 256 + 68> byte_of{};  // of each code point, -1 where none

    Alphabet() {
        byte_of.fill(-1);
        CodePoint next = 256;
        for (int byte = 0; byte < 256; ++byte) {
            auto const code = stands_for_itself(byte) ? byte : next++;
            append_char(character[static_cast<std::size_t>(byte)], code);
            byte_of[static_cast<std::size_t>(code)] = static_cast<std::int16_t>(byte);
        }
    }
};

Alphabet const& alphabet() {
    static Alphabet const instance;
    return instance;
}

}  // namespace

void append_byte_characters(std::string& out, std::string_view bytes) {
    auto const& characters = alphabet().character;
    for (char const byte : bytes) out += characters[static_cast<unsigned char>(byte)];
}

std::optional<std::uint8_t> byte_of_character(CodePoint code) {
    auto const& bytes = alphabet().byte_of;
    if (code < 0 || static_cast<std::size_t>(code) >= bytes.size() ||
        bytes[static_cast<std::size_t>(code)] < 0)
        return std::nullopt;
    return static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(code)]);
}

}  // namespace moewire
