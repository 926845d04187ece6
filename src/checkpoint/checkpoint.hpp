// What are a model's weights? All tensors of a model folder under their names, one file or many alike.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.hpp"

namespace moewire {

// The folder holds model.safetensors, or shards and model.safetensors.index.json. Only headers are read on
// opening; each rank then reads just the bytes that it needs. Move-only; several threads may read at once.
class Checkpoint {
  public:
    // Throws: usage, when files are missing or damaged, or the index and the shards disagree (named both
    // ways). A wrong metadata.total_size is a warning: widespread tools write it wrongly.
    static Checkpoint open(std::filesystem::path const& folder);

    std::filesystem::path const& folder() const { return folder_; }
    bool contains(std::string_view name) const;

    // Throws: usage, naming the tensor and a few whose names end alike.
    TensorInfo const& at(std::string_view name) const;

    std::vector<std::string> names() const;  // sorted
    std::vector<SafetensorsFile> const& files() const { return files_; }
    SafetensorsFile const& file_of(std::string_view name) const;  // Throws: usage

    // Fills `out` with the tensor's bytes from `first_byte` (counted inside the tensor) on.
    // Throws: usage for an unknown name; failure, when the range leaves the tensor or a file became shorter.
    void read(std::string_view name, std::uint64_t first_byte, std::span<std::byte> out) const;

    std::uint64_t bytes_read() const { return bytes_read_->load(); }  // by read(), since opening
    std::uint64_t total_bytes() const { return total_bytes_; }        // of all tensors

    // Says whether two checkpoints hold the same tensors: 128 bits over name, dtype, shape and bytes of every
    // tensor, by name. How the tensors are spread over files, and file metadata, do not matter.
    // Cost: reads all the weights, at the disk's speed (not counted in bytes_read()); 4 MiB of memory.
    std::string digest() const;

  private:
    struct Place {
        std::size_t file;
        std::size_t tensor;
    };

    explicit Checkpoint(std::filesystem::path folder) : folder_(std::move(folder)) {}
    void add_file(std::string const& name);
    Place const& place_of(std::string_view name) const;
    TensorInfo const& info_at(Place const& place) const;

    std::filesystem::path folder_;
    std::vector<SafetensorsFile> files_;
    std::map<std::string, Place, std::less<>> places_;
    std::uint64_t total_bytes_ = 0;
    std::unique_ptr<std::atomic<std::uint64_t>> bytes_read_ = std::make_unique<std::atomic<std::uint64_t>>(0);
};

}  // namespace moewire
