// How long do flows take that share what they cross? Events of starting and ending, max-min rates in between.
//
// Exactly, rates change whenever one flow ends: a million flows would need a million solutions. So flows that
// end close to each other end in one window, each at the mean rate that brings its last byte to the window's
// end; the others share what that leaves. No resource carries more than it can in any window, and no byte is
// lost or gained: what is inexact is when, inside a window, a flow stops being in the others' way. A window
// holds a part of the flows at work, so that their number falls geometrically and the last ones, which decide
// the time, end one by one, exactly.
#pragma once

#include <cstdint>

#include "simulate/max_min.hpp"
#include "simulate/turns.hpp"

namespace moewire {

struct FlowOptions {
    // The part of the flows at work that may end in one window, and start behind it; 0: each is an event of
    // its own.
    double window_part = 1.0 / 8;
};

struct FlowResult {
    double time_s = 0;           // until the last byte of the last flow
    std::int64_t windows = 0;    // that time was cut into
    std::int64_t solutions = 0;  // of max-min rates
};

// Flows that share nothing, directly or through others, are looked at apart, so that the end of one changes
// no rate where it cannot; not where there are turns.
FlowResult run_flows(FlowSet const& flows, FlowTurns const& turns = {}, FlowOptions const& options = {});

}  // namespace moewire
