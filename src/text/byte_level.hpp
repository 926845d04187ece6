// Which printable character stands for which byte? The alphabet of byte-level BPE (GPT-2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/utf8.hpp"

namespace moewire {

// Appends the character of every byte. Printable ASCII and most of Latin-1 stand for themselves, the other 68
// bytes for U+0100 and up, in order. Source: encoder.py of openai/gpt-2.
void append_byte_characters(std::string& out, std::string_view bytes);

// The byte that a character stands for, if any.
std::optional<std::uint8_t> byte_of_character(CodePoint code);

}  // namespace moewire
