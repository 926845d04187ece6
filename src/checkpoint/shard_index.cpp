#include "checkpoint/shard_index.hpp"

#include <set>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "checkpoint/document.hpp"
#include "checkpoint/safetensors_header.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t most_index_bytes = most_header_bytes;

Error bad_index(fs::path const& path, std::string const& problem, std::string_view why) {
    return input_error("checkpoint",
                       fmt::format("{}: {} ({}); fetch the file again", path.string(), problem, why));
}

// A name inside the folder, for a file of the right kind.
bool is_shard_name(std::string const& name) {
    return name.find_first_of("/\\") == std::string::npos && name.find('\0') == std::string::npos &&
           !name.starts_with('.') && name.ends_with(".safetensors");
}

std::optional<std::uint64_t> total_size_of(Document const& index) {
    auto const metadata = index.find("metadata");
    if (metadata == index.end() || !metadata->is_object()) return std::nullopt;
    auto const total = metadata->find("total_size");
    if (total == metadata->end() || !total->is_number_unsigned()) return std::nullopt;
    return total->get<std::uint64_t>();
}

bool holds_pytorch_files(fs::path const& folder) {
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(folder, ignored)) {
        auto const name = entry.path().filename().string();
        if (name.starts_with("pytorch_model") && name.ends_with(".bin")) return true;
    }
    return false;
}

}  // namespace

ShardIndex read_shard_index(fs::path const& index_path) {
    Document const json = read_document(index_path, most_index_bytes);
    auto const map = json.is_object() ? json.find("weight_map") : json.end();
    if (!json.is_object() || map == json.end() || !map->is_object() || map->empty()) {
        throw bad_index(index_path, "there is no weight_map", "it says which tensor lies in which file");
    }
    ShardIndex index;
    std::set<std::string> shards;
    for (auto const& [tensor, file] : map->items()) {
        if (!file.is_string() || !is_shard_name(file.get_ref<std::string const&>())) {
            throw bad_index(
                index_path,
                fmt::format("tensor {} is said to lie in {}", in_quotes(tensor),
                            in_quotes(file.is_string() ? file.get<std::string>() : file.type_name())),
                "a plain .safetensors name inside the folder is needed");
        }
        shards.insert(file.get<std::string>());
        index.shard_of.emplace(tensor, file.get<std::string>());
    }
    index.shards.assign(shards.begin(), shards.end());
    index.total_size_bytes = total_size_of(json);
    return index;
}

WeightFiles find_weight_files(fs::path const& folder) {
    std::error_code problem;
    if (!fs::is_directory(folder, problem)) {
        throw input_error("checkpoint",
                          fmt::format("{} is no folder (a model is a folder with config.json and "
                                      "weights); check the path",
                                      folder.string()));
    }
    bool const single = fs::exists(folder / single_weights_name, problem);
    bool const sharded = fs::exists(folder / shard_index_name, problem);
    if (single && sharded) {
        log_warning(fmt::format("{} holds both {} and {}: the single file is read", folder.string(),
                                single_weights_name, shard_index_name));
    }
    if (single) return {std::nullopt, {single_weights_name}, {}};
    if (!sharded) {
        bool const other_format = holds_pytorch_files(folder);
        throw input_error(
            "checkpoint",
            fmt::format(
                "{} holds neither {} nor {} ({}); {}", folder.string(), single_weights_name, shard_index_name,
                other_format ? "only pytorch_model*.bin, and safetensors is needed" : "so it has no weights",
                other_format ? "save the model with transformers' save_pretrained, which writes safetensors"
                             : "fetch the weights, or name another folder"));
    }
    WeightFiles files;
    files.index = read_shard_index(folder / shard_index_name);
    files.names = files.index->shards;
    for (auto const& name : files.names) {
        if (!fs::exists(folder / name, problem)) files.missing.push_back(name);
    }
    return files;
}

}  // namespace moewire
