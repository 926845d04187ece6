// How far is a fit to be trusted, by spread and size of an exchange? From residuals of probes that it had not
// seen.
#pragma once

#include <span>
#include <vector>

#include "simulate/calibrated.hpp"

namespace moewire {

// What a probe was off when the fit had not seen it. Shape of residuals: [part].
struct Unseen {
    ProbeResult const* probe;
    std::vector<double> residuals;
};

// The bands of one regime. `pooled`: residuals of all regimes, used where a band has fewer than ten of its
// own.
std::vector<RegimeTrust> bands_of(std::vector<Unseen> const& regime, std::span<double const> pooled);

}  // namespace moewire
