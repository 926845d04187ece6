// What is put around the tokens of a text? The post-processor of tokenizer.json.
#pragma once

#include <cstdint>
#include <vector>

#include "text/part_reader.hpp"

namespace moewire {

// Ids before and behind those of a single text.
struct Frame {
    std::vector<std::int32_t> before, behind;
};

// TemplateProcessing, ByteLevel (changes no ids), Sequence. Throws: usage, for others, or templates that name
// unknown tokens, need a second text, or put absurdly many tokens around one.
Frame read_frame(PartReader const& part);

}  // namespace moewire
