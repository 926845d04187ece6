// How is JSON read and written? One door to the library, with messages that name file and key.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace moewire {

using Json = nlohmann::ordered_json;  // keeps the order in which keys were written

// Throws: usage (source `source`), when `text` is not JSON or names one key twice; `name` is for the message.
Json parse_json(std::string_view text, std::string_view name, std::string_view source = "json");

// Reads and parses a file.
Json read_json(std::filesystem::path const& path, std::string_view source = "json");

// Pretty text with a final newline; invalid UTF-8 is replaced, never thrown.
std::string to_text(Json const& json);

}  // namespace moewire
