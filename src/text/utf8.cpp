#include "text/utf8.hpp"

#include <array>

#include <utf8proc.h>

namespace moewire {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t at) {
    return static_cast<std::uint8_t>(text[at]);
}

// Which second bytes are well-formed after a first one: narrower than 80..BF for E0, ED, F0 and F4.
bool good_second(std::uint8_t first, std::uint8_t second) {
    switch (first) {
        case 0xE0:
            return second >= 0xA0 && second <= 0xBF;
        case 0xED:
            return second >= 0x80 && second <= 0x9F;
        case 0xF0:
            return second >= 0x90 && second <= 0xBF;
        case 0xF4:
            return second >= 0x80 && second <= 0x8F;
        default:
            return second >= 0x80 && second <= 0xBF;
    }
}

std::size_t length_of(std::uint8_t first) {
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return 2;
    if (first >= 0xE0 && first <= 0xEF) return 3;
    if (first >= 0xF0 && first <= 0xF4) return 4;
    return 0;
}

}  // namespace

DecodedChar decode_char(std::string_view text) {
    auto const first = byte_at(text, 0);
    auto const length = length_of(first);
    if (length == 1) return {first, 1, true};
    if (length == 0) return {0xFFFD, 1, false};
    CodePoint code = first & (0x7F >> length);
    for (std::size_t i = 1; i < length; ++i) {
        bool const there = i < text.size();
        auto const next = there ? byte_at(text, i) : std::uint8_t{0};
        bool const good = there && (i == 1 ? good_second(first, next) : (next & 0xC0) == 0x80);
        if (!good) return {0xFFFD, i, false};
        code = (code << 6) | (next & 0x3F);
    }
    return {code, length, true};
}

std::size_t last_char_bytes(std::string_view text) {
    std::size_t bytes = 1;
    while (bytes < text.size() && (byte_at(text, text.size() - bytes) & 0xC0) == 0x80) ++bytes;
    return bytes;
}

void append_char(std::string& text, CodePoint code) {
    std::array<utf8proc_uint8_t, 4> bytes{};
    auto const count = utf8proc_encode_char(code, bytes.data());
    text.append(reinterpret_cast<char const*>(bytes.data()), static_cast<std::size_t>(count));
}

std::size_t first_ill_formed(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        if (byte_at(text, at) < 0x80) {
            ++at;
            continue;
        }
        auto const decoded = decode_char(text.substr(at));
        if (!decoded.valid) return at;
        at += decoded.bytes;
    }
    return std::string_view::npos;
}

std::string well_formed(std::string_view text) {
    std::string good;
    good.reserve(text.size());
    while (!text.empty()) {
        auto const bad = std::min(first_ill_formed(text), text.size());
        good.append(text.substr(0, bad));
        text.remove_prefix(bad);
        if (text.empty()) break;
        good.append(replacement_character);
        text.remove_prefix(decode_char(text).bytes);
    }
    return good;
}

bool is_whitespace(CodePoint code) {
    return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
           code == 0x205F || code == 0x3000;
}

bool is_numeric(CodePoint code) {
    auto const category = utf8proc_category(code);
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
           category == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(CodePoint code) {
    if (code < 0x80)
        return (code >= '!' && code <= '/') || (code >= ':' && code <= '@') || (code >= '[' && code <= '`') ||
               (code >= '{' && code <= '~');
    auto const category = utf8proc_category(code);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool is_word(CodePoint code) {
    auto const category = utf8proc_category(code);
    bool const letter_or_mark = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME;
    bool const number = category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL;
    bool const other_alphabetic =
        (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
        (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
    return letter_or_mark || number || category == UTF8PROC_CATEGORY_PC || other_alphabetic ||
           code == 0x200C || code == 0x200D;
}

}  // namespace moewire
