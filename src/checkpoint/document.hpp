// What does a JSON file of a model folder hold? The whole document, without surprises.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/json.hpp"

namespace moewire {

// Throws: usage, when the file is no regular file, has more than `most_bytes` bytes, or is not sound JSON
// (see parse_json).
Document read_document(std::filesystem::path const& path, std::uint64_t most_bytes);

}  // namespace moewire
