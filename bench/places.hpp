// Where are models, texts and pictures' tools? The environment, put into what the rooms ask for.
#pragma once

#include <filesystem>
#include <string>

#include "checkpoint/places.hpp"
#include "text/corpus.hpp"

namespace moewire {

ModelPlaces model_places();
TextPlaces text_places();

// bench/suites/<name>.toml and bench/topologies/<name>.toml, or the file itself when `name` is one.
// Throws: usage, listing what there is.
std::filesystem::path suite_file(std::string const& name);
std::filesystem::path topology_file(std::string const& name);

// Draws the figures of `what` ("trace RUN.h5 --output DIR", ...) with scripts/plot.py. Never throws: without
// Python or its packages a warning says the command to type later. Call it on rank 0 alone.
void draw(std::string const& what, std::filesystem::path const& source, std::filesystem::path const& folder);

}  // namespace moewire
