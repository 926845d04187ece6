// Where are models, geometries, texts and pictures' tools? The environment, put into what the rooms ask for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/places.hpp"
#include "text/corpus.hpp"

namespace moewire {

ModelPlaces model_places();
TextPlaces text_places();

// bench/suites/<name>.toml and bench/topologies/<name>.toml, or the file itself when `name` is one.
// Throws: usage, listing what there is.
std::filesystem::path suite_file(std::string const& name);
std::filesystem::path topology_file(std::string const& name);

// bench/geometries/<name>.json, the config.json of a published model, or the file itself when `name` is one.
// Throws: usage, listing what there is.
std::filesystem::path geometry_file(std::string const& name);
std::vector<std::string> geometry_names();  // sorted

// bench/shapes/<name>.toml, or the file itself when `name` is one. Throws: usage, listing what there is.
std::filesystem::path shape_file(std::string const& name);
std::vector<std::string> shape_names();  // sorted

// "mixtral-8x7b" of the model word "synth:mixtral-8x7b"; nothing for other words.
std::optional<std::string> geometry_of(std::string const& model);

// The shipped tokenizer that turns texts into ids for models that have none of their own.
std::filesystem::path tokenizer_without_model();

// Runs scripts/<script> with Python. Call it on rank 0 alone. Throws: unavailable, when it fails.
void run_script(std::string const& script, std::vector<std::string> const& arguments);

// Draws the figures of `what` ("trace RUN.h5 --output DIR", ...) with scripts/plot.py. Never throws: without
// Python or its packages a warning says the command to type later. Call it on rank 0 alone.
void draw(std::string const& what, std::filesystem::path const& source, std::filesystem::path const& folder);

// plotly's JavaScript, from the package beside that Python; empty where there is none, and a warning says so.
std::filesystem::path plotly();

}  // namespace moewire
