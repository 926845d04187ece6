// Small files for the tests of this room, good ones and bad ones.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "checkpoint/safetensors.hpp"

namespace moewire {

inline std::filesystem::path fixture(std::string_view name) {
    char const* const folder = std::getenv("MOEWIRE_FIXTURES");
    if (folder == nullptr) throw std::runtime_error("MOEWIRE_FIXTURES is not set");
    return std::filesystem::path(folder) / "checkpoint" / name;
}

// The text of the Error that `action` throws; "" when it throws none. Other exceptions pass, and fail the
// test.
std::string message_of(auto&& action) {
    try {
        action();
    } catch (Error const& error) {
        return error.what();
    }
    return "";
}

// A file's content: length, header, data.
inline std::string safetensors_text(std::string_view header, std::string_view data) {
    std::uint64_t const header_bytes = header.size();
    std::string text(reinterpret_cast<char const*>(&header_bytes), sizeof header_bytes);
    text += header;
    text += data;
    return text;
}

// The bytes that the fixtures hold, by the rule in make_safetensors.py.
inline std::string pattern(std::string_view name, std::uint64_t bytes) {
    std::string text;
    for (std::uint64_t i = 0; i < bytes; ++i) text += static_cast<char>((31 * i + name.size()) % 256);
    return text;
}

inline std::string content_of(SafetensorsFile const& file, TensorInfo const& tensor) {
    std::string content(tensor.bytes(), '\0');
    file.read(tensor, 0, std::as_writable_bytes(std::span(content)));
    return content;
}

inline std::span<std::byte const> bytes_of(std::string const& text) {
    return std::as_bytes(std::span<char const>(text));
}

}  // namespace moewire
