// Who waits for whom? NCCL's channels run one batch of messages after the other.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace moewire {

inline constexpr std::uint32_t no_turn = 0xffffffff;

// A turn is over when all its flows have ended and the turn before it is over; only then the next begins.
struct FlowTurns {
    std::vector<std::array<std::uint32_t, 2>> of_flow;  // Shape: [flow]; the sender's and the receiver's
    std::vector<std::uint32_t> before;                  // Shape: [turn]; no_turn: begins at once
    bool is_empty() const { return before.empty(); }
};

class Turns {
  public:
    // Of the flows that there are; turns without any are passed over.
    Turns(FlowTurns const& turns, std::span<std::uint32_t const> flows);

    bool must_wait(std::uint32_t flow) const { return !turns_.is_empty() && waits_for_[flow] > 0; }

    // Appends the flows that may start now.
    void end(std::uint32_t flow, std::vector<std::uint32_t>& released);

  private:
    bool is_reached(std::uint32_t turn) const;
    void finish(std::uint32_t turn, std::vector<std::uint32_t>& released);

    FlowTurns const& turns_;
    std::vector<std::uint32_t> flows_left_;
    std::vector<std::vector<std::uint32_t>> behind_,
        waiting_;  // turns, and flows that wait for this turn's end
    std::vector<char> is_over_;
    std::vector<std::uint8_t> waits_for_;  // by flow: turns before its own that are not over
};

}  // namespace moewire
