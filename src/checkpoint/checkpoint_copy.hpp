// How are changed weights kept? A new folder laid out like the checkpoint that they came from, written by
// several processes at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/checkpoint.hpp"

namespace moewire {

// The same files with the same tensors, dtypes and places; other bytes. One process calls begin(), then all
// open() and write(), each its own ranges, then one calls commit(). They must see one file system. Until
// commit() the folder has another name, and discard() leaves nothing.
class CheckpointCopy {
  public:
    // Headers and room for all tensors; the other files of the model's folder (config, tokenizer, index) as
    // they are. Throws: usage, when `folder` is there already and not empty; failure, when it cannot be
    // written.
    static void begin(Checkpoint const& like, std::filesystem::path const& folder);

    // Throws: failure, when the folder that begin() made is not there.
    CheckpointCopy(Checkpoint const& like, std::filesystem::path const& folder);
    ~CheckpointCopy();
    CheckpointCopy(CheckpointCopy const&) = delete;
    CheckpointCopy& operator=(CheckpointCopy const&) = delete;

    // Bytes of a tensor from `first_byte` (counted inside the tensor) on. Throws: failure, when the disk is
    // full.
    void write(std::string_view name, std::uint64_t first_byte, std::span<std::byte const> bytes);

    // What this process wrote is on disk. Throws: failure.
    void sync();

    // The folder gets its name. Throws: failure.
    static void commit(std::filesystem::path const& folder);
    static void discard(std::filesystem::path const& folder) noexcept;

  private:
    Checkpoint const& like_;
    std::filesystem::path part_;
    std::map<std::string, int> descriptors_;  // by file name
};

}  // namespace moewire
