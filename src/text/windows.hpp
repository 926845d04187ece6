// Which tokens does the model see together? A text's tokens, cut into windows of equal length.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/grid.hpp"

namespace moewire {

// Windows that never see each other, all of one length, and which of their tokens count.
struct Windows {
    Grid<std::int32_t, 2> tokens;  // Shape: [window, position]

    // Position of the first scored token of each window. Targets are positions first_target .. length-1, each
    // predicted from all positions before it; position 0 has none, so it is never a target.
    std::int32_t first_target = 1;

    std::int64_t windows() const;
    std::int64_t targets_of_each() const;
    std::int64_t targets() const { return windows() * targets_of_each(); }
};

// The protocol of most published perplexities: windows side by side from the text's start, the rest that
// fills no window dropped, every position but the first scored, no token added. At most `max_windows` are
// taken, the first ones.
//
// Throws: usage, when window_tokens < 2 (nothing to predict), max_windows < 1, or the text fills no window.
// Source: the evaluation script of GPTQ (arXiv 2210.17323), 2048 tokens a window.
Windows disjoint_windows(std::span<std::int32_t const> tokens, std::int64_t window_tokens,
                         std::int64_t max_windows);

// Exactly `count` windows side by side from the text's start, for measuring: every rank needs its full load,
// so fewer would be another experiment. Shape: [count, window_tokens].
//
// Throws: usage, when window_tokens or count is < 1, or the text has fewer than count * window_tokens tokens.
Grid<std::int32_t, 2> consecutive_windows(std::span<std::int32_t const> tokens, std::int64_t window_tokens,
                                          std::int64_t count);

// Throws: usage, when the text has fewer tokens than one window.
void require_a_window(std::int64_t text_tokens, std::int64_t window_tokens);

// Throws: usage, "WHAT is VALUE (WHY); ask for LEAST or more".
void require_at_least(std::int64_t least, std::int64_t value, std::string_view what, std::string_view why);

}  // namespace moewire
