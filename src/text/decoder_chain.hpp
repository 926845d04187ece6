// How do tokens become text again? The decoders of tokenizer.json.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "text/part_reader.hpp"

namespace moewire {

// Tokens in, tokens (or fewer, longer texts) out; the results are joined without a space.
using TokenDecoder = std::function<std::vector<std::string>(std::vector<std::string>)>;

// Sequence, ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace. Throws: usage, for others.
TokenDecoder make_decoder(PartReader const& part);

}  // namespace moewire
