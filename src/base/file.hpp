// How are files read and written? Whole, with one clear message, and never half under a final name.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace moewire {

// The whole content. Throws: usage, when the file is missing or unreadable.
std::string read_file(std::filesystem::path const& path);

// Writes beside the target, syncs, renames: the target holds the old or the new content, never a part.
// Throws: failure, when the disk is full or the folder is not writable.
void write_file(std::filesystem::path const& path, std::string_view content);

// Makes the folder and its parents and proves by a probe file that it can be written.
// Throws: usage, when it cannot.
void ensure_writable_folder(std::filesystem::path const& folder);

}  // namespace moewire
