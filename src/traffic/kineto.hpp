// Which bytes did a PyTorch job exchange? Read from the profiler's traces (Kineto), one file a rank.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "traffic/matrix_file.hpp"

namespace moewire {

// One all-to-all of the whole job, in the order in which it was called.
struct ProfiledExchange {
    ByteMatrix bytes;
};

// Takes the all-to-alls among all ranks from events `record_param_comms`: "In split size" is what a rank
// sends to each other, in units of which "In msg nelems" holds the elements. Empty lists mean equal parts.
// The n-th exchange of every rank is the same one. Throws: usage (source "kineto"), naming the file, for a
// list that the profiler cut short (it keeps 30 entries), an unknown element type, ranks that are missing or
// twice, ranks that saw different numbers of exchanges, or sends that nobody expects. Source:
// pytorch/pytorch, `torch/csrc/profiler/util.cpp` and pull requests 112308, 113392, 151438.
std::vector<ProfiledExchange> read_kineto(std::vector<std::filesystem::path> const& files);

}  // namespace moewire
