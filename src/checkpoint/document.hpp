// What does a JSON file of a model folder hold? The whole document, without surprises.
#pragma once

#include <cstdint>
#include <filesystem>

#include <nlohmann/json.hpp>

namespace moewire {

// Keys sorted, unlike the program's own Json: that one keeps their order and searches all of them for each
// new one, which for the 100,000 tensors of a large model takes half a minute.
using Document = nlohmann::json;

// Throws: usage, when the file is no regular file, has more than `most_bytes` bytes, is not JSON, names a key
// twice in one object, or nests deeper than any model's file does.
Document read_document(std::filesystem::path const& path, std::uint64_t most_bytes);

}  // namespace moewire
