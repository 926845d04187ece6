#include "text/text_file.hpp"

#include <fmt/format.h>
#include <utf8proc.h>

#include "base/file.hpp"
#include "base/show.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

void require_readable_size(fs::path const& path) {
    std::error_code problem;
    auto const status = fs::status(path, problem);
    if (status.type() == fs::file_type::not_found) {
        throw input_error("text", fmt::format("{} is not there; check the path", path.string()));
    }
    if (!problem && status.type() != fs::file_type::regular) {
        throw input_error(
            "text",
            fmt::format("{} is no regular file (a text is read whole); copy it to a file", path.string()));
    }
    auto const size_bytes = problem ? 0 : fs::file_size(path, problem);
    if (problem) {
        throw input_error("text", fmt::format("cannot read {} ({}); check the path and its rights",
                                              path.string(), problem.message()));
    }
    if (size_bytes > most_text_bytes) throw too_large(path, size_bytes);
}

// Position of the first byte that belongs to no well-formed character; npos, when all do.
std::size_t first_wrong_byte(std::string_view text) {
    auto const* const bytes = reinterpret_cast<utf8proc_uint8_t const*>(text.data());
    for (std::size_t at = 0; at < text.size();) {
        if (bytes[at] < 0x80) {
            ++at;
            continue;
        }
        utf8proc_int32_t code = 0;
        auto const length =
            utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &code);
        if (length <= 0) return at;
        at += static_cast<std::size_t>(length);
    }
    return std::string_view::npos;
}

}  // namespace

Error too_large(fs::path const& path, std::uintmax_t size_bytes) {
    return input_error(
        "text", fmt::format("{} has {} of text (at most {} are read); take a part of it, by: head -c 1G",
                            path.string(), show_bytes(static_cast<double>(size_bytes)),
                            show_bytes(static_cast<double>(most_text_bytes))));
}

std::string read_text(fs::path const& path) {
    require_readable_size(path);
    std::string content = read_file(path);
    // UTF-16 holds zero bytes too, and deserves the better advice.
    bool const is_utf16 = content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF");
    if (is_utf16) {
        throw input_error("text", fmt::format("{} is UTF-16 (it starts with that byte order mark at byte 0, "
                                              "UTF-8 is needed); convert it by: iconv -f UTF-16 -t UTF-8",
                                              path.string()));
    }
    if (auto const zero = content.find('\0'); zero != std::string::npos) {
        throw input_error("text", fmt::format("{} is binary (byte {} is zero, which no text holds); name a "
                                              "UTF-8 text",
                                              path.string(), zero));
    }
    if (auto const wrong = first_wrong_byte(content); wrong != std::string::npos) {
        throw input_error(
            "text", fmt::format("{} is not UTF-8 (byte {} is 0x{:02X}, which is no character there); convert "
                                "it by: iconv -f ISO-8859-1 -t UTF-8",
                                path.string(), wrong, static_cast<unsigned char>(content[wrong])));
    }
    if (content.starts_with(byte_order_mark)) content.erase(0, byte_order_mark.size());
    return content;
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

}  // namespace moewire
