// How is one group measured? Cases that differ in the strategy alone, interleaved, from verification to
// samples.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/preparation.hpp"
#include "measure/stamps.hpp"
#include "system/clock.hpp"
#include "trace/record.hpp"

namespace moewire {

enum class Mode { replay, in_model };
std::string name_of(Mode mode);
Mode mode_of(std::string const& name);  // Throws: usage.

// What a group's measurement needs besides the text.
struct GroupSetting {
    Context const& context;
    Subject& subject;
    Exchange& exchange;
    MeasureRequest const& request;
    std::vector<ClockOffset> const& offsets;
    Mode mode = Mode::replay;
};

// The samples of one case as datasets and attributes, to be added to its record; with status `failed` and a
// reason when it could not be verified. Filled on rank 0 alone.
struct CaseResult {
    Attributes attributes;
    std::vector<Dataset> datasets;
};

// Collective: all ranks. One result a case of `text`, in its order. `on_iteration` is for progress.
std::vector<CaseResult> measure_group(GroupSetting const& setting, PreparedText const& text,
                                      std::function<void()> const& on_iteration);

}  // namespace moewire
