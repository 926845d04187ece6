// How does a timeline open in Perfetto? As a file of the Trace Event Format.
#pragma once

#include "base/json.hpp"
#include "report/timeline.hpp"

namespace moewire {

// Layers `first` to `last` of every batch, both included.
struct LayerWindow {
    std::size_t first = 0, last = 0;
};

// One process a rank, one thread each for the pass, computing, packing, waiting and transfer; complete
// events in microseconds since the pass began. `otherData` says which case it is and where its time goes.
// Source: "Trace Event Format", JSON object format, phases X and M.
Json chrome_trace(Trace const& trace, PassTimeline const& timeline, LayerWindow const& layers);

// {"case", "iteration", "ranks", "pass_s", "critical_rank", "shares": {part: {"mean", "critical"}}}
Json to_json(PassTimeline const& timeline, PassShares const& shares);

}  // namespace moewire
