// How is a pass's timeline said? Tables of shares, in a page and on a terminal.
#pragma once

#include <string>

#include "base/show.hpp"
#include "report/timeline.hpp"

namespace moewire {

// "## Where one forward pass goes": a row a case and its critical rank; a sentence instead, where a trace
// with cases of mode in_model has no timeline. Empty without such cases.
std::string timeline_section(Trace const& trace);

// Shares of one pass, a row a part. Unit: percent of each rank's own pass.
std::string share_table(PassShares const& shares, TableStyle style);

}  // namespace moewire
