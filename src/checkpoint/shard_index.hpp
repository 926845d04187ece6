// Which weight files make up a model folder, and which tensor should lie in which of them?
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moewire {

inline constexpr char const* single_weights_name = "model.safetensors";
inline constexpr char const* shard_index_name = "model.safetensors.index.json";

struct ShardIndex {
    std::map<std::string, std::string> shard_of;    // tensor -> file name inside the folder
    std::vector<std::string> shards;                // file names, sorted, each once
    std::optional<std::uint64_t> total_size_bytes;  // metadata.total_size, where it is a whole number
};

// Reads model.safetensors.index.json. Throws: usage, when it is not such an index, or names a file that is
// not a plain .safetensors name inside the folder (a separator or ".." would lead out of it).
ShardIndex read_shard_index(std::filesystem::path const& index_path);

// The weight files of a folder, as far as names go: the index (when there is one), and the files, sorted.
struct WeightFiles {
    std::optional<ShardIndex> index;
    std::vector<std::string> names;
    std::vector<std::string> missing;  // those of `names` that are not there; a dangling link is not there
};

// The single file wins over an index, as transformers has it.
// Throws: usage, when there is neither, or the index is bad.
WeightFiles find_weight_files(std::filesystem::path const& folder);

}  // namespace moewire
