// How is JSON read and written? One door to the library, with messages that name file and key.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace moewire {

// For writing: keys stay in the order in which they were given. Slow to read into: every new key searches all
// others.
using Json = nlohmann::ordered_json;

// For reading: keys are sorted.
using Document = nlohmann::json;

// Throws: usage (source `source`), when `text` is not JSON, holds a zero byte (which the library takes for
// the end), names a key twice in one object, or nests deeper than any file of ours; `name` is for the
// message.
Document parse_json(std::string_view text, std::string_view name, std::string_view source = "json");

// Reads and parses a file.
Document read_json(std::filesystem::path const& path, std::string_view source = "json");

// Pretty text with a final newline; invalid UTF-8 is replaced, never thrown.
std::string to_text(Json const& json);

// A text out of a file, in quotes, escaped and cut short: safe to print whatever it holds.
std::string in_quotes(std::string_view text);

}  // namespace moewire
