// Did every byte of a plain exchange arrive? A pattern that differs between flows and between checks.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/ids.hpp"
#include "measure/lane.hpp"

namespace moewire {

// A pattern of its own for each (seed, source, destination): with a fresh seed for each check, neither what
// was received before nor what another rank should have got can pass for right. Bytes of each flow are
// multiples of 8; flows lie in rank order, without gaps, from the begin of the side.

// Fills the send side. Shape of `bytes`: [destination rank].
void write_flows(Lane& lane, std::span<std::uint64_t const> bytes, RankId source, std::uint64_t seed);

// A problem, naming source and byte, or "". Shape of `bytes`: [source rank].
std::string check_flows(Lane& lane, std::span<std::uint64_t const> bytes, RankId destination,
                        std::uint64_t seed);

}  // namespace moewire
