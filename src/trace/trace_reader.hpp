// What does a trace hold? Everything, read into records.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trace/record.hpp"

namespace moewire {

struct Trace {
    std::filesystem::path path;
    Record root;
    Record topology;
    Record calibration;  // empty path where none was run
    std::vector<Record> models;
    std::vector<Record> cases;  // sorted by key
};

// Throws: usage (source "trace"), when the file is missing, no HDF5, no moewire trace, or of a newer major
// schema.
Trace read_trace(std::filesystem::path const& path);

// The records of a file whatever it is, without looking at the schema.
std::vector<Record> read_all_records(std::filesystem::path const& path);

// Equal but for the order of datasets.
bool same_content(Record const& a, Record const& b);

enum class DumpValues { no, yes };

// The tree as text: attributes, and datasets with shape, unit and axes; with the first values on request.
std::string dump(Trace const& trace, DumpValues values);

// One line a difference; empty when the traces say the same. Times differ between any two runs, so measured
// values are compared by shape alone; `diff` names attributes and datasets that are missing, or of other
// shape or content.
std::vector<std::string> diff(Trace const& a, Trace const& b);

}  // namespace moewire
