#include "text/pieces.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "text/utf8.hpp"

namespace moewire {
namespace {

// A stretch of a piece, and whether it is a delimiter.
struct Part {
    Span span;
    bool is_delimiter = false;
};

// Delimiters and what lies between them, covering the whole text.
std::vector<Part> parts_of(std::string_view text, std::vector<Span> const& matches, Delimiters delimiters) {
    bool const match_delimits = delimiters == Delimiters::matches;
    std::vector<Part> parts;
    std::size_t done = 0;
    for (auto const& match : matches) {
        if (done != match.begin) parts.push_back({{done, match.begin}, !match_delimits});
        parts.push_back({match, match_delimits});
        done = match.end;
    }
    if (done != text.size()) parts.push_back({{done, text.size()}, !match_delimits});
    return parts;
}

// Adjacent parts of one kind become one.
std::vector<Span> contiguous(std::vector<Part> const& parts) {
    std::vector<Span> spans;
    bool previous = false;
    for (auto const& part : parts) {
        if (part.is_delimiter == previous && !spans.empty())
            spans.back().end = part.span.end;
        else
            spans.push_back(part.span);
        previous = part.is_delimiter;
    }
    return spans;
}

// The first delimiter of a run joins what is before it.
std::vector<Span> merged_with_previous(std::vector<Part> const& parts) {
    std::vector<Span> spans;
    bool previous = false;
    for (auto const& part : parts) {
        if (part.is_delimiter && !previous && !spans.empty())
            spans.back().end = part.span.end;
        else
            spans.push_back(part.span);
        previous = part.is_delimiter;
    }
    return spans;
}

// The last delimiter of a run joins what is behind it.
std::vector<Span> merged_with_next(std::vector<Part> const& parts) {
    std::vector<Span> spans;
    bool previous = false;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        if (part->is_delimiter && !previous && !spans.empty())
            spans.back().begin = part->span.begin;
        else
            spans.push_back(part->span);
        previous = part->is_delimiter;
    }
    std::reverse(spans.begin(), spans.end());
    return spans;
}

std::vector<Span> spans_of(std::vector<Part> const& parts, SplitBehavior behavior) {
    switch (behavior) {
        case SplitBehavior::contiguous:
            return contiguous(parts);
        case SplitBehavior::merged_with_previous:
            return merged_with_previous(parts);
        case SplitBehavior::merged_with_next:
            return merged_with_next(parts);
        default:
            break;
    }
    std::vector<Span> spans;
    for (auto const& part : parts) {
        if (behavior == SplitBehavior::isolated || !part.is_delimiter) spans.push_back(part.span);
    }
    return spans;
}

}  // namespace

void rewrite(Pieces& pieces,
             std::function<void(Piece const&, std::string_view, std::string&)> const& change) {
    std::string text;
    text.reserve(pieces.text.size() + pieces.text.size() / 4);
    std::vector<Piece> kept;
    kept.reserve(pieces.pieces.size());
    for (auto piece : pieces.pieces) {
        auto const begin = text.size();
        if (piece.token >= 0)
            text += pieces.view(piece);
        else
            change(piece, pieces.view(piece), text);
        pieces.limit.check(text.size(), pieces.file);
        piece.span = {begin, text.size()};
        if (!piece.span.empty()) kept.push_back(piece);
    }
    pieces.text = std::move(text);
    pieces.pieces = std::move(kept);
}

SplitBehavior split_behavior_of(std::string const& name, std::string const& where) {
    if (name == "Removed") return SplitBehavior::removed;
    if (name == "Isolated") return SplitBehavior::isolated;
    if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
    if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
    if (name == "Contiguous") return SplitBehavior::contiguous;
    throw input_error("tokenizer",
                      fmt::format("{}: behavior {} is not known; repair the file", where, in_quotes(name)));
}

void split(Pieces& pieces, std::function<std::vector<Span>(std::string_view)> const& find,
           SplitBehavior behavior, Delimiters delimiters) {
    std::vector<Piece> result;
    result.reserve(pieces.pieces.size());
    for (auto const& piece : pieces.pieces) {
        if (piece.token >= 0) {
            result.push_back(piece);
            continue;
        }
        auto const text = pieces.view(piece);
        for (auto const& span : spans_of(parts_of(text, find(text), delimiters), behavior)) {
            if (span.empty()) continue;
            result.push_back({{piece.span.begin + span.begin, piece.span.begin + span.end},
                              -1,
                              piece.starts_text && span.begin == 0});
        }
    }
    pieces.pieces = std::move(result);
}

std::vector<Span> find_chars(std::string_view text, bool (*belongs)(std::int32_t)) {
    std::vector<Span> found;
    for (std::size_t at = 0; at < text.size();) {
        auto const c = decode_char(text.substr(at));
        if (belongs(c.code)) found.push_back({at, at + c.bytes});
        at += c.bytes;
    }
    return found;
}

}  // namespace moewire
