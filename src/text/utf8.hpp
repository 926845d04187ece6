// Which characters are in these bytes? UTF-8, and the character classes that tokenizers ask for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moewire {

using CodePoint = std::int32_t;

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD

// A character and the bytes it takes; `valid` is false for the longest ill-formed start, as U+FFFD.
struct DecodedChar {
    CodePoint code = 0;
    std::size_t bytes = 1;
    bool valid = true;
};

// The first character of a non-empty text. An ill-formed sequence takes its maximal subpart, as the Unicode
// standard recommends (table 3-8) and as Python's errors="replace" and Rust's from_utf8_lossy do.
DecodedChar decode_char(std::string_view text);

// The bytes of the character that ends the non-empty, well-formed text.
std::size_t last_char_bytes(std::string_view text);

void append_char(std::string& text, CodePoint code);

// Ill-formed sequences replaced by U+FFFD, one for each maximal subpart.
std::string well_formed(std::string_view text);

// Byte offset of the first ill-formed sequence, or npos.
std::size_t first_ill_formed(std::string_view text);

// Rust's char::is_whitespace: the property White_Space.
bool is_whitespace(CodePoint code);
// Rust's char::is_numeric: categories Nd, Nl, No.
bool is_numeric(CodePoint code);
// ASCII punctuation, or a category P.
bool is_punctuation(CodePoint code);
// \w of Rust's regex: Alphabetic, M, Nd, Pc, Join_Control.
bool is_word(CodePoint code);

}  // namespace moewire
