// What does a calibration know? Few positive numbers, fitted to probes on one machine, and how far to trust
// them.
//
//   time = floor + eager messages x a + rendezvous messages x b + |bytes of each class / its rate, channel|_p
//
// `channel` is NCCL's alone: what its longest message beyond LL takes on one channel, that is a start, what
// fills the pipeline, and the channel's part of the bytes.
//
// The p-norm lies between all roads at once (the slowest counts, p large) and one after another (the sum, p =
// 1).
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "simulate/exchange_load.hpp"

namespace moewire {

// Do most pairs of ranks exchange something? A model is off otherwise where few do.
enum class Spread { any, few_pairs, most_pairs };
Spread spread_of(ExchangeLoad const& load);
std::string_view name_of(Spread spread);
Spread spread_named(std::string const& name);  // Throws: usage (source "calibration")

// What residuals say of exchanges of one regime, spread and size. Ratios are of measured over fitted.
struct RegimeTrust {
    std::size_t probes = 0;
    Spread spread = Spread::any;
    double most_bytes = 0;  // busiest port of its largest probe: that of the next band begins behind it
    double log_radius_50 = 0, log_radius_90 = 0;  // that part of |log(measured / fitted)| lies within
    double tail_s = 0, tail_ratio = 0;  // p99 of the maximum over ranks = p50 x (1 + ratio) + tail_s
};

// Where probes were. Outside, intervals widen with the distance.
struct Hull {
    double least_bytes = 0, most_bytes = 0;  // busiest port, of exchanges in which something crosses
    double most_messages = 0;
};

struct CalibratedModel {
    double empty_s = 0;  // where nothing moves at all, not even within a rank
    double floor_s = 0, eager_message_s = 0, rendezvous_message_s = 0;
    double channel_start_s = 0, channel_fill_s_per_byte = 0, channel_s_per_byte = 0;
    double credit_bytes = 0;                         // what buffers and token buckets on the way take at once
    double sharpness = 1;                            // p
    double overlap = 1;                              // q
    std::map<std::string, double> rate_bytes_per_s;  // by class; a class that is absent costs nothing
    EagerLimits limits;
    std::map<Regime, std::vector<RegimeTrust>> trust;  // bands by spread, then size
    Hull hull;
    bool is_carried = false;  // away from where it was fitted; no part of a file

    double time_s(ExchangeLoad const& load) const;
    // Of the nearest regime where there were no probes; beyond its largest probe, of its last band.
    RegimeTrust const& trust_in(ExchangeLoad const& load) const;

    // Factor on the logarithmic radius: 1 inside the hull, and the more the further outside.
    double widening(ExchangeLoad const& load) const;
};

// One probe as it was measured.
struct ProbeResult {
    std::string name;
    ExchangeLoad load;
    std::vector<double> samples_s;  // Shape: [part x iteration]; the maximum over ranks
    std::string pattern = {};       // shared by probes that differ in size alone; empty: like no other
    std::size_t parts = 1;          // series of equal length, one after another

    std::span<double const> part(std::size_t index) const;
    double typical_s() const;  // geometric mean of the parts' medians
};

// Fits in log time with Huber's loss, all parameters positive, breakpoints fixed by `limits`; a probe counts
// the less, the less its median is known. Radii are conformal by regime and, where it has probes enough, by
// spread and size: from what parts of probes are off when the fit has not seen them, nor any probe of their
// pattern (patterns are dealt into `folds`, each left out once; probes are where they share one); pooled
// where a regime has fewer than ten probes. Ten folds: a fit that lacks a fifth of the patterns is so much
// worse than the one in use that its intervals hold too much. Throws: failure (source "calibration"): fewer
// than 12 probes, a time that is not positive.
CalibratedModel fit_calibrated(std::span<ProbeResult const> probes, EagerLimits const& limits,
                               int folds = 10);

// Its numbers among other ranks, or on another machine: rates and starts stay, NCCL's rules follow the new
// job.
CalibratedModel carried_to(CalibratedModel model, Topology const& topology);

// The level of one rank's jitter that gives `fraction` of the maximum over `ranks` ranks: fraction^(1 /
// ranks).
double level_of_one(double fraction, int ranks);

}  // namespace moewire
