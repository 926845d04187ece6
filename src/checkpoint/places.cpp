#include "checkpoint/places.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

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

// "org/name" or "org/name@revision", as typed.
struct HubName {
    std::string id;
    std::string revision;  // "": the main one

    std::string fetch_command() const {
        return fmt::format("scripts/fetch_model.py {}{}{}", id, revision.empty() ? "" : " --revision ",
                           revision);
    }
};

// Branches may have slashes ("refs/pr/1").
bool is_revision(std::string_view text) {
    for (std::size_t begin = 0; begin <= text.size();) {
        auto const end = std::min(text.find('/', begin), text.size());
        if (!is_plain_name(text.substr(begin, end - begin))) return false;
        begin = end + 1;
    }
    return true;
}

std::optional<HubName> hub_name_of(std::string_view typed) {
    auto const at = typed.find('@');
    auto const id = typed.substr(0, at);
    if (!is_hub_id(id)) return std::nullopt;
    if (at == std::string_view::npos) return HubName{std::string(id), ""};
    if (!is_revision(typed.substr(at + 1))) return std::nullopt;
    return HubName{std::string(id), std::string(typed.substr(at + 1))};
}

fs::path referenced_snapshot(fs::path const& model_folder, fs::path const& reference) {
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

// The snapshot folder, which need not be there; nothing, when the cache knows no such revision.
std::optional<fs::path> snapshot_of(fs::path const& model_folder, std::string const& revision) {
    auto const reference = model_folder / "refs" / (revision.empty() ? "main" : revision);
    std::error_code ignored;
    if (fs::is_regular_file(reference, ignored)) return referenced_snapshot(model_folder, reference);
    if (revision.empty()) return newest_snapshot(model_folder / "snapshots");
    auto const commit = model_folder / "snapshots" / revision;
    return fs::is_directory(commit, ignored) ? std::optional(commit) : std::nullopt;
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

// The hub tells anybody which revision there is, but a gated model's files only to those who accepted its
// licence: a reference without files is what is left of such a try.
Error without_files(HubName const& name, fs::path const& model_folder) {
    return input_error(
        "checkpoint",
        fmt::format("{} knows {} but holds none of its files (the model is gated, or its download failed at "
                    "once); if it is gated, accept its licence at https://huggingface.co/{} and log in by "
                    "`hf auth login`; then type: {}",
                    model_folder.string(), name.id, name.id, name.fetch_command()));
}

std::optional<fs::path> find_in_hub_cache(HubName const& name, fs::path const& hub_cache) {
    std::string folder = "models--" + name.id;
    folder.replace(folder.find('/'), 1, "--");
    auto const snapshot = snapshot_of(hub_cache / folder, name.revision);
    if (!snapshot) return std::nullopt;
    std::error_code ignored;
    if (!fs::exists(*snapshot, ignored)) throw without_files(name, hub_cache / folder);
    if (auto const missing = missing_part(*snapshot); !missing.empty()) {
        throw input_error("checkpoint",
                          fmt::format("{} is incomplete in the cache: {} lacks {} (a download broke "
                                      "off?); complete it by: {}",
                                      name.id, snapshot->string(), missing, name.fetch_command()));
    }
    return snapshot;
}

// The first cache that has it whole; what is wrong with another counts only when none has.
std::optional<fs::path> find_in_hub_caches(HubName const& name, ModelPlaces const& places) {
    std::optional<Error> problem;
    for (auto const& cache : places.hub_caches) {
        try {
            if (auto const found = find_in_hub_cache(name, cache)) return found;
        } catch (Error const& error) {
            if (!problem) problem = error;
        }
    }
    if (problem) throw Error(*problem);
    return std::nullopt;
}

Error not_found(std::string_view typed, std::optional<HubName> const& hub_name, ModelPlaces const& places) {
    std::error_code ignored;
    std::string why = "no such folder, shipped model or cached model";
    if (fs::is_directory(fs::path(typed), ignored)) why = "that folder has no config.json";
    std::vector<std::string> caches;
    for (auto const& cache : places.hub_caches) caches.push_back(cache.string());
    if (hub_name && !caches.empty())
        why = fmt::format("neither a folder nor in {}", fmt::join(caches, " or "));
    auto const shipped = shipped_models(places);
    std::string advice = shipped.empty() ? "name a folder that holds config.json"
                                         : fmt::format("use a folder that holds config.json, or one of: {}",
                                                       fmt::join(shipped, ", "));
    if (hub_name) advice += fmt::format("; or download it: {}", hub_name->fetch_command());
    return input_error("checkpoint", fmt::format("no model {} ({}); {}", in_quotes(typed), why, advice));
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
    auto const hub_name = hub_name_of(name);
    if (hub_name) {
        if (auto const found = find_in_hub_caches(*hub_name, places)) return *found;
    }
    throw not_found(name, hub_name, places);
}

}  // namespace moewire
