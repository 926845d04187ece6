// Which tokens does the model see together? A text's tokens, cut into windows of equal length.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/grid.hpp"

namespace moewire {

// What a perplexity protocol scores: windows that never see each other, and which of their tokens count.
struct Windows {
    std::string protocol;            // "disjoint"
    std::int64_t corpus_tokens = 0;  // tokens of the whole text, with those that fill no window
    Grid<std::int32_t, 2> tokens;    // Shape: [window, position]

    // Position of the first scored token of each window. Targets are positions first_target .. length-1, each
    // predicted from all positions before it; position 0 has none, so it is never a target.
    std::int32_t first_target = 1;

    std::int64_t windows() const;
    std::int64_t targets() const;  // over all windows
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

}  // namespace moewire
