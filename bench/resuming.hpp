// What of this run is there already? Groups of an earlier, interrupted run of the same options.
#pragma once

#include <string>
#include <vector>

#include "bench/measuring.hpp"
#include "trace/record.hpp"

namespace moewire {

// Rank 0's; empty on the others, and where nothing is resumed.
struct KeptRun {
    std::vector<Record> records;  // whole groups, and everything that is no case
    std::vector<std::string> whole_groups;
    bool is_resumed = false, was_whole = false;
};

// Throws: usage, when the earlier run had other options or another number of ranks, naming what differs.
KeptRun read_kept(Context const& context, MeasureRequest const& request);

// The root record of a resumed run: the earlier one, to which this run is added as a session.
Record resumed_root(KeptRun const& kept, Record const& fresh);

// Collective: all ranks. The settled cases of the kept groups, the same on all.
void count_kept(Context const& context, KeptRun const& kept, MeasureOutcome& outcome);

}  // namespace moewire
