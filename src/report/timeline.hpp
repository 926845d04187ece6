// What did every rank do during one forward pass? The steps of a kept pass, waiting split from transfer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trace/trace_reader.hpp"

namespace moewire {

// One step of one rank in one layer. Unit: seconds since the first rank began the pass, on rank 0's clock.
struct StepSpan {
    std::string step;  // as the trace names it: "router", "dispatch", ...
    std::size_t layer = 0, rank = 0;
    double start_s = 0, end_s = 0;
    // Exchanges alone: from `start_s` to `moves_s` the rank waited for the last rank to enter, or was done
    // itself before that; from then on rows moved. Other steps move from the start.
    bool is_exchange = false;
    double moves_s = 0;
    std::uint64_t sent_bytes = 0, received_bytes = 0;  // to and from other ranks; 0 where the trace is silent
};

struct PassTimeline {
    std::string key;  // of the case
    std::int64_t iteration = 0;
    std::vector<std::int64_t> kept;       // iterations to choose from
    std::size_t layers = 0, batches = 1;  // layers of all batches
    std::vector<double> start_s, end_s;   // Shape: [rank]; of the pass
    std::vector<StepSpan> spans;          // by rank, then by start; steps that ran

    std::size_t ranks() const { return start_s.size(); }
    std::size_t layers_of_batch() const { return layers / batches; }
};

bool has_timeline(Record const& record);

// The case of that key, or without one the first that has a timeline. Throws: usage, when the trace has no
// such case (naming those there are) or the case no timeline.
Record const& timeline_case(Trace const& trace, std::string const& key);

// The pass of that iteration, or without one the median by its slowest rank. Throws: usage, naming the
// iterations that were kept.
PassTimeline read_timeline(Record const& record, std::optional<std::int64_t> iteration = std::nullopt);

// The moment from which each rank moved rows, in one exchange: the last entry, or a rank's own end when that
// came first. Shape: [rank]. Unit: seconds on one clock.
std::vector<double> moving_since(std::vector<double> const& entered_s, std::vector<double> const& left_s);

// How much of a rank's own pass each part took. The parts, "other" included, add up to 1.
struct PassShares {
    struct Part {
        std::string name;               // a step; of exchanges "dispatch wait" and "dispatch transfer"
        double mean = 0, critical = 0;  // over ranks; of the critical rank
    };
    std::vector<Part> parts;  // in the order of a layer, at last "other": what no step covers
    // The rank that waits least: the one that the others wait for.
    std::size_t critical_rank = 0;
    double pass_s = 0;  // from the first rank's start to the last one's end
};
PassShares shares_of(PassTimeline const& timeline);

}  // namespace moewire
