// How is a text rewritten before it is cut? The normalizers of tokenizer.json.
#pragma once

#include <functional>
#include <string>

#include "text/part_reader.hpp"
#include "text/regex.hpp"

namespace moewire {

// Rewrites a well-formed text.
using Normalizer = std::function<std::string(std::string)>;

// Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip. Throws: usage, for others.
Normalizer make_normalizer(PartReader const& part);

// The pattern {"String": ...} or {"Regex": ...} of Replace and Split.
Regex read_pattern(PartReader const& part);

}  // namespace moewire
