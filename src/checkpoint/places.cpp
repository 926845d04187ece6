#include "checkpoint/places.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "checkpoint/raw_file.hpp"
#include "checkpoint/safetensors_header.hpp"
#include "checkpoint/shard_index.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t most_reference_bytes = 256;

bool has_config(fs::path const& folder) {
    std::error_code ignored;
    return fs::exists(folder / "config.json", ignored);
}

// One folder name that leads nowhere else, in the letters that the hub allows.
bool is_plain_name(std::string_view name) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return !name.empty() && name.size() <= 96 && !name.starts_with('.') &&
           name.find_first_not_of(letters) == std::string_view::npos;
}

// "org/name" as the hub writes it. "--" separates the two in the cache, so neither may contain it.
bool is_hub_id(std::string_view name) {
    auto const slash = name.find('/');
    return slash != std::string_view::npos && is_plain_name(name.substr(0, slash)) &&
           is_plain_name(name.substr(slash + 1)) && name.find("--") == std::string_view::npos &&
           name.find("..") == std::string_view::npos;
}

std::optional<fs::path> newest_snapshot(fs::path const& snapshots) {
    std::optional<fs::path> newest;
    fs::file_time_type newest_time{};
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(snapshots, ignored)) {
        if (!entry.is_directory(ignored)) continue;
        auto const time = entry.last_write_time(ignored);
        if (newest && std::pair(time, entry.path()) < std::pair(newest_time, *newest)) continue;
        newest = entry.path();
        newest_time = time;
    }
    return newest;
}

// The snapshot folder, which need not be there; nothing, when the cache knows no snapshot of this model.
std::optional<fs::path> snapshot_of(fs::path const& model_folder) {
    auto const reference = model_folder / "refs" / "main";
    std::error_code ignored;
    if (!fs::exists(reference, ignored)) return newest_snapshot(model_folder / "snapshots");
    std::string revision = read_small_file(reference, most_reference_bytes);
    revision.resize(std::min(revision.size(), revision.find_first_of(" \t\r\n")));
    if (!is_plain_name(revision)) {
        throw input_error("checkpoint",
                          fmt::format("{} holds {} (the name of a snapshot is needed); fetch the model "
                                      "again",
                                      reference.string(), in_quotes(revision)));
    }
    return model_folder / "snapshots" / revision;
}

// What a download that broke off left out; empty, when nothing.
std::string missing_part(fs::path const& snapshot) {
    if (!has_config(snapshot)) return "config.json";
    std::error_code ignored;
    if (!fs::exists(snapshot / single_weights_name, ignored) &&
        !fs::exists(snapshot / shard_index_name, ignored)) {
        return fmt::format("the weights ({} or {})", single_weights_name, shard_index_name);
    }
    auto const missing = find_weight_files(snapshot).missing;
    return missing.empty() ? ""
                           : fmt::format("{} of its weight files, {} first", missing.size(), missing.front());
}

std::optional<fs::path> find_in_hub_cache(std::string_view id, fs::path const& hub_cache) {
    std::string folder = "models--" + std::string(id);
    folder.replace(folder.find('/'), 1, "--");
    auto snapshot = snapshot_of(hub_cache / folder);
    if (!snapshot) return std::nullopt;
    if (auto const missing = missing_part(*snapshot); !missing.empty()) {
        throw input_error("checkpoint",
                          fmt::format("{} is incomplete in the cache: {} lacks {} (a download broke "
                                      "off?); complete it by: hf download {}",
                                      id, snapshot->string(), missing, id));
    }
    return snapshot;
}

Error not_found(std::string_view name, ModelPlaces const& places) {
    std::error_code ignored;
    std::string const why = fs::is_directory(fs::path(name), ignored)
                                ? "that folder has no config.json"
                                : "no such folder, shipped model or cached model";
    auto const shipped = shipped_models(places);
    std::string advice = shipped.empty() ? "name a folder that holds config.json"
                                         : fmt::format("use a folder that holds config.json, or one of: {}",
                                                       fmt::join(shipped, ", "));
    if (is_hub_id(name)) advice += fmt::format("; or download it: hf download {}", name);
    return input_error("checkpoint", fmt::format("no model {} ({}); {}", in_quotes(name), why, advice));
}

}  // namespace

std::vector<std::string> shipped_models(ModelPlaces const& places) {
    std::vector<std::string> names;
    std::error_code ignored;
    if (places.models.empty()) return names;
    for (auto const& entry : fs::directory_iterator(places.models, ignored)) {
        if (has_config(entry.path())) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

fs::path find_model(std::string_view name, ModelPlaces const& places) {
    bool const is_path = !name.empty() && name.find('\0') == std::string_view::npos;
    if (is_path && has_config(fs::path(name))) return fs::path(name);
    if (is_plain_name(name) && !places.models.empty() && has_config(places.models / name)) {
        return places.models / name;
    }
    if (is_hub_id(name) && !places.hub_cache.empty()) {
        if (auto const found = find_in_hub_cache(name, places.hub_cache)) return *found;
    }
    throw not_found(name, places);
}

}  // namespace moewire
