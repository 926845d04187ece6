// Where is a text cut into words? The pre-tokenizers of tokenizer.json.
#pragma once

#include <functional>

#include "text/part_reader.hpp"
#include "text/pieces.hpp"

namespace moewire {

// Splits, and where it must rewrites, the pieces that are no tokens.
using PreTokenizer = std::function<void(Pieces&)>;

// Sequence, ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit. Throws: usage, for
// others.
PreTokenizer make_pre_tokenizer(PartReader const& part);

}  // namespace moewire
