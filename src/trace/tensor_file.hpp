// How are plain arrays given to others? An HDF5 file of datasets, whole or not at all.
#pragma once

#include <filesystem>
#include <vector>

#include "trace/record.hpp"

namespace moewire {

// Writes attributes and datasets below the root of a new file; the name appears when the content is complete.
// Throws: failure (source "hdf5").
void write_arrays(std::filesystem::path const& path, Attributes const& attributes,
                  std::vector<Dataset> const& datasets);

}  // namespace moewire
