// What is left of a run that ended early, and how does it go on?
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trace/record.hpp"

namespace moewire {

// Everything that NAME.jsonl, NAME.h5.tmp and NAME.h5 hold together; the journal wins, because it was written
// first.
struct Remains {
    std::vector<Record> records;
    bool is_whole = false;               // NAME.h5 is there
    int damaged_lines = 0;               // of the journal, left out
    std::vector<std::string> differing;  // keys of cases whose copies differ

    bool empty() const { return records.empty(); }
    Record const* root() const;  // null where there is none
};
Remains read_remains(std::filesystem::path const& trace);

// NAME.h5 of NAME.h5, NAME.h5.tmp or NAME.jsonl.
std::filesystem::path trace_of(std::filesystem::path const& any);

// Measured or known to be impossible here; a failed case is neither.
bool is_settled(Record const& one);
// Anything but a prediction alone.
bool is_finished(Record const& one);

// Cases are measured in groups, and a group counts only whole: its cases are compared iteration by iteration.
// Attributes `group` and `group_size` of each case say so; a case without them is its own group.
struct GroupState {
    std::string name;
    std::size_t size = 0;           // cases that it should have; 0: unknown
    std::vector<std::string> keys;  // of settled cases
    bool is_whole() const { return size > 0 && keys.size() == size; }
};
std::vector<GroupState> groups_of(std::vector<Record> const& records);

// The records without cases of groups that are not whole.
std::vector<Record> without_partial_groups(std::vector<Record> records);

}  // namespace moewire
