// How much text do the scored tokens stand for? Bytes and words, for figures that compare across
// vocabularies.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer.hpp"

namespace moewire {

// Positions begin .. end - 1 of a text's tokens.
struct TokenRange {
    std::size_t begin = 0, end = 0;
};

struct TextAmount {
    std::int64_t bytes = 0;  // UTF-8
    std::int64_t words = 0;  // between white space; a word counts where it begins
};

// Over ranges that do not overlap. Ranges that touch count what one range over both would: a character whose
// bytes lie in both counts in the second. `text_tokens` are of the text alone, without BOS; all ranges
// together give the text as it decodes, which is the text itself wherever the tokenizer loses nothing.
TextAmount count_target_text(Tokenizer const& tokenizer, std::span<std::int32_t const> text_tokens,
                             std::span<TokenRange const> targets);

}  // namespace moewire
