// How do the traces of several jobs become one? Every case once, with duplicates and gaps named.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace moewire {

struct MergeOutcome {
    std::vector<std::string> cases;    // keys, as they are in the merged trace
    std::vector<std::string> missing;  // inputs of which nothing is left
    std::vector<std::string> gaps;     // groups that were to be measured and are not whole, with their input
    std::vector<std::string> duplicates;  // keys that several inputs hold; the first input's was taken
    std::vector<std::string>
        interrupted;        // inputs that are no finished trace (what is whole of them was taken)
    int damaged_lines = 0;  // of journals, left out

    bool is_complete() const { return missing.empty() && gaps.empty(); }
};

// Merges finished traces and the remains of interrupted ones (NAME.h5, NAME.h5.tmp or NAME.jsonl name the
// same) into `output`, which is written whole or not at all. Root, topology and calibration are the first
// input's; the attribute `merged_from` keeps those of all, and each case names its input (`source_trace`).
// Throws: usage, when `output` exists, no input holds anything, or inputs differ in ranks or in a model's
// weights.
MergeOutcome merge_traces(std::filesystem::path const& output,
                          std::vector<std::filesystem::path> const& inputs);

}  // namespace moewire
