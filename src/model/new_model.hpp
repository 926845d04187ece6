// How does a model begin? A folder with untrained weights for a config.json.
#pragma once

#include <cstdint>
#include <filesystem>

namespace moewire {

// Writes config.json (a copy) and model.safetensors into `folder`, which must be there: matrices normal with
// deviation 0.02, as transformers begins; norms one, biases zero; in the config's dtype (bfloat16 where it
// names none). Needs the whole model in memory once. Throws: usage, for a config that is not supported;
// failure, when it cannot be written.
void write_new_model(std::filesystem::path const& config_file, std::filesystem::path const& folder,
                     std::uint64_t seed);

}  // namespace moewire
