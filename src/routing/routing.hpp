// Which tokens want which experts? The router's picks on one rank, and the demand of all ranks.
#pragma once

#include <cstdint>

#include "base/grid.hpp"

namespace moewire {

// A choice that was dropped: the token has one expert fewer.
inline constexpr std::int32_t no_pick = -1;

// The experts that one rank's tokens chose.
struct Routing {
    std::int32_t experts = 0;  // experts in each layer
    Grid<std::int32_t, 3>
        picks;  // Shape: [layer, token, choice]; the experts of one token differ; or no_pick

    std::size_t layers() const { return picks.extent(0); }
    std::size_t tokens() const { return picks.extent(1); }
    std::size_t top_k() const { return picks.extent(2); }
};

// Throws: usage (source "routing"), when a pick is neither no_pick nor in 0 .. experts-1.
void validate(Routing const& routing);

// How often each expert was chosen on this rank; dropped choices count nowhere. Shape: [layer, expert]. Unit:
// tokens.
Grid<std::int64_t, 2> count_picks(Routing const& routing);

// How many tokens of each rank want each expert: the input of every placement and every byte count.
class Demand {
  public:
    Demand() = default;
    // Shape: [layer, source rank, expert]. Unit: tokens.
    explicit Demand(Grid<std::int64_t, 3> tokens) : tokens_(std::move(tokens)) {}

    std::size_t layers() const { return tokens_.extent(0); }
    int ranks() const { return static_cast<int>(tokens_.extent(1)); }
    std::int32_t experts() const { return static_cast<std::int32_t>(tokens_.extent(2)); }
    Grid<std::int64_t, 3> const& tokens() const { return tokens_; }

    // Tokens of all ranks for each expert of one layer.
    std::vector<std::int64_t> expert_load(LayerId layer) const;

  private:
    Grid<std::int64_t, 3> tokens_;
};

}  // namespace moewire
