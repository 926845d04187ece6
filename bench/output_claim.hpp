// Whose is this output? Refuses a second run into the same place while the first lives.
#pragma once

#include <filesystem>
#include <optional>

#include "base/claim.hpp"

namespace moewire {

// On rank 0. Claims a trace (NAME.lock beside it) or, given a folder, all of it (study.lock inside). Makes
// the folder. Throws: usage, naming the host, process and Slurm job that hold it.
void claim_output(std::filesystem::path const& output, std::optional<Claim>& claim);

}  // namespace moewire
