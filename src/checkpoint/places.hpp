// Where is the model that was asked for? From a name on the command line to a folder.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moewire {

// Handed in by the program, which knows the environment; an empty path is a place that is not there.
struct ModelPlaces {
    std::filesystem::path models;                   // the shipped models, one folder each
    std::vector<std::filesystem::path> hub_caches;  // Hugging Face's, e.g. ~/.cache/huggingface/hub
};

// Tried in this order: a folder that holds config.json; the name of a shipped model; a Hugging Face id in the
// hub caches, the first that has it whole: "org/name" at the revision that refs/main names, else at the
// newest one; "org/name@revision" at that branch, tag or commit. Nothing is downloaded.
//
// A folder or shipped model needs config.json alone (weights can be made up for its geometry); of a snapshot
// in the cache the weights must be there too, since a broken download is what makes them miss. Throws: usage,
// with the shipped models and, for an id, the command that downloads it.
std::filesystem::path find_model(std::string_view name, ModelPlaces const& places);

// Names of the shipped models, sorted.
std::vector<std::string> shipped_models(ModelPlaces const& places);

}  // namespace moewire
