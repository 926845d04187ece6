// How is a text cut on its way to tokens? One text and the pieces of it, rewritten and split stage by stage.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex.hpp"
#include "text/text_limit.hpp"

namespace moewire {

struct Piece {
    Span span;                 // in the text
    std::int32_t token = -1;   // already a token (an added one), or -1
    bool starts_text = false;  // nothing of the original text lies before it
};

// Pieces lie in order and do not overlap, but need not cover the text.
struct Pieces {
    std::string text;
    std::vector<Piece> pieces;
    TextLimit limit;        // of the text, from the original one
    std::string_view file;  // whose rules these are, for messages

    std::string_view view(Piece const& piece) const {
        return std::string_view(text).substr(piece.span.begin, piece.span.end - piece.span.begin);
    }
};

// Rewrites every piece that is no token; empty results are dropped. Throws: usage, when the text passes its
// limit.
void rewrite(Pieces& pieces,
             std::function<void(Piece const&, std::string_view, std::string& out)> const& change);

// What becomes of a delimiter.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
SplitBehavior split_behavior_of(std::string const& name, std::string const& where);  // Throws: usage.

enum class Delimiters {
    matches,  // what matches is a delimiter
    gaps      // what does not match is one ("invert")
};

// Splits every piece that is no token at the delimiters that `find` returns for its text (in order, not
// overlapping).
void split(Pieces& pieces, std::function<std::vector<Span>(std::string_view)> const& find,
           SplitBehavior behavior, Delimiters delimiters = Delimiters::matches);

// Spans of single characters for which `belongs` holds.
std::vector<Span> find_chars(std::string_view text, bool (*belongs)(std::int32_t));

}  // namespace moewire
