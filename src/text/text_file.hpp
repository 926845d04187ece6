// Is this file a text? Its content as UTF-8, checked to the last byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace moewire {

// Texts are read whole and then held as tokens too; a larger one is a mistake more often than a wish.
inline constexpr std::uintmax_t most_text_bytes = std::uintmax_t{2} << 30;

// The whole content, without a byte order mark. Throws: usage, when the file is missing, unreadable, no
// regular file (a pipe would block for ever), larger than 2 GiB, binary (holds a zero byte) or not UTF-8; the
// message names the file and the position of the first wrong byte, counted from 0.
std::string read_text(std::filesystem::path const& path);

// The refusal of a file, or of a folder's files together, of this size.
Error too_large(std::filesystem::path const& path, std::uintmax_t size_bytes);

// Nothing but white space, in ASCII's sense?
bool is_blank(std::string_view text);

}  // namespace moewire
