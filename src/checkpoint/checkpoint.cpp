#include "checkpoint/checkpoint.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "checkpoint/safetensors_header.hpp"
#include "checkpoint/shard_index.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

// "a, b, c and 7 more": enough to see what is wrong, however much is.
std::string some_of(std::vector<std::string> const& names) {
    constexpr std::size_t most_shown = 4;
    std::vector<std::string> shown;
    for (auto const& name : names) {
        if (shown.size() < most_shown) shown.push_back(in_quotes(name));
    }
    std::string const rest =
        names.size() > most_shown ? fmt::format(" and {} more", names.size() - most_shown) : "";
    return fmt::format("{}{}", fmt::join(shown, ", "), rest);
}

// How many dotted parts two names share, counted from their ends.
int shared_last_parts(std::string_view a, std::string_view b) {
    int shared = 0;
    while (true) {
        auto const dot_a = a.rfind('.'), dot_b = b.rfind('.');
        auto const last_a = dot_a == std::string_view::npos ? a : a.substr(dot_a + 1);
        auto const last_b = dot_b == std::string_view::npos ? b : b.substr(dot_b + 1);
        if (last_a != last_b) return shared;
        ++shared;
        if (dot_a == std::string_view::npos || dot_b == std::string_view::npos) return shared;
        a = a.substr(0, dot_a);
        b = b.substr(0, dot_b);
    }
}

void check_shards_are_there(fs::path const& folder, WeightFiles const& weights) {
    if (weights.missing.empty()) return;
    throw input_error(
        "checkpoint",
        fmt::format("{}: {} of {} weight files are missing: {} (the index names them); fetch them",
                    folder.string(), weights.missing.size(), weights.names.size(), some_of(weights.missing)));
}

// Both ways: what the index promises must be there, and what is there must be promised, in the same file.
void check_against_index(ShardIndex const& index, std::map<std::string, std::string> const& found_in,
                         fs::path const& folder) {
    std::vector<std::string> absent, unlisted;
    for (auto const& [tensor, file] : index.shard_of) {
        auto const found = found_in.find(tensor);
        if (found == found_in.end()) {
            absent.push_back(tensor);
        } else if (found->second != file) {
            throw input_error(
                "checkpoint",
                fmt::format("{}: tensor {} lies in {}, but the index says {} (files of two "
                            "versions?); fetch the whole folder again",
                            folder.string(), in_quotes(tensor), in_quotes(found->second), in_quotes(file)));
        }
    }
    for (auto const& [tensor, file] : found_in) {
        if (!index.shard_of.contains(tensor)) unlisted.push_back(tensor);
    }
    if (!absent.empty()) {
        throw input_error("checkpoint",
                          fmt::format("{}: the index names {} tensors that are in no file: {} (files "
                                      "of two versions?); fetch the whole folder again",
                                      folder.string(), absent.size(), some_of(absent)));
    }
    if (!unlisted.empty()) {
        throw input_error("checkpoint",
                          fmt::format("{}: the files hold {} tensors that the index does not name: {} "
                                      "(files of two versions?); fetch the whole folder again",
                                      folder.string(), unlisted.size(), some_of(unlisted)));
    }
}

}  // namespace

Checkpoint Checkpoint::open(fs::path const& folder) {
    auto const weights = find_weight_files(folder);
    check_shards_are_there(folder, weights);
    Checkpoint checkpoint(folder);
    for (auto const& name : weights.names) checkpoint.add_file(name);
    if (!weights.index) return checkpoint;

    std::map<std::string, std::string> found_in;
    for (auto const& [tensor, place] : checkpoint.places_)
        found_in.emplace(tensor, weights.names[place.file]);
    check_against_index(*weights.index, found_in, folder);
    auto const promised_bytes = weights.index->total_size_bytes;
    if (promised_bytes && *promised_bytes != checkpoint.total_bytes_) {
        log_warning(fmt::format("{}: the index says {} bytes in all, the files hold {}", folder.string(),
                                *promised_bytes, checkpoint.total_bytes_));
    }
    return checkpoint;
}

void Checkpoint::add_file(std::string const& name) {
    auto const& file = files_.emplace_back(folder_ / name);
    for (std::size_t i = 0; i < file.tensors().size(); ++i) {
        auto const& tensor = file.tensors()[i];
        auto const [twin, is_new] = places_.emplace(tensor.name, Place{files_.size() - 1, i});
        if (!is_new) {
            throw input_error("checkpoint",
                              fmt::format("{}: tensor {} lies in {} and in {} (only one can be meant); "
                                          "fetch the whole folder again",
                                          folder_.string(), in_quotes(tensor.name),
                                          in_quotes(files_[twin->second.file].path().filename().string()),
                                          in_quotes(name)));
        }
        total_bytes_ += tensor.bytes();
    }
}

bool Checkpoint::contains(std::string_view name) const {
    return places_.find(name) != places_.end();
}

Checkpoint::Place const& Checkpoint::place_of(std::string_view name) const {
    if (auto const found = places_.find(name); found != places_.end()) return found->second;
    std::vector<std::string> near;
    int most_shared = 1;
    for (auto const& [candidate, place] : places_) {
        int const shared = shared_last_parts(name, candidate);
        if (shared > most_shared) near.clear();
        most_shared = std::max(most_shared, shared);
        if (shared == most_shared) near.push_back(candidate);
    }
    throw input_error("checkpoint", fmt::format("{} has no tensor {} ({}); check that the model is of the "
                                                "architecture that its config.json names",
                                                folder_.string(), in_quotes(name),
                                                near.empty() ? "and none whose name ends alike"
                                                             : "names that end alike: " + some_of(near)));
}

TensorInfo const& Checkpoint::info_at(Place const& place) const {
    return files_[place.file].tensors()[place.tensor];
}

TensorInfo const& Checkpoint::at(std::string_view name) const {
    return info_at(place_of(name));
}

SafetensorsFile const& Checkpoint::file_of(std::string_view name) const {
    return files_[place_of(name).file];
}

std::vector<std::string> Checkpoint::names() const {
    std::vector<std::string> names;
    names.reserve(places_.size());
    for (auto const& [name, place] : places_) names.push_back(name);
    return names;
}

void Checkpoint::read(std::string_view name, std::uint64_t first_byte, std::span<std::byte> out) const {
    Place const& place = place_of(name);
    files_[place.file].read(info_at(place), first_byte, out);
    bytes_read_->fetch_add(out.size(), std::memory_order_relaxed);
}

std::string Checkpoint::digest() const {
    Digest digest;
    std::vector<std::byte> chunk(std::size_t{4} << 20);
    for (auto const& [name, place] : places_) {
        auto const& tensor = info_at(place);
        // Lengths go first, so that no two lists of tensors make the same text.
        digest.update(
            fmt::format("{} {} {} {} ", name.size(), name, name_of(tensor.dtype), tensor.shape.size()));
        digest.update(tensor.shape);
        for (std::uint64_t done = 0; done < tensor.bytes(); done += chunk.size()) {
            auto const part =
                std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), tensor.bytes() - done));
            files_[place.file].read(tensor, done, part);
            digest.update(std::span<std::byte const>(part));
        }
    }
    return digest.hex();
}

}  // namespace moewire
