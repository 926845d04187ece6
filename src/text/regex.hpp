// Where does a pattern of tokenizer.json match? Regular expressions written for Oniguruma, run by PCRE2.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace moewire {

// Byte range of a text.
struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool empty() const { return begin == end; }
    friend bool operator==(Span const&, Span const&) = default;
};

// A compiled pattern. Copies share it; matching from several threads is safe.
//
// Oniguruma's Ruby syntax differs from PCRE2: \s, \w and their complements are translated, ^ and $ match at
// every line, and what means something else is refused: \h, \R-like extensions, inline options other than i,
// and intervals followed by +.
class Regex {
  public:
    // `where` names the part of the file for messages. Throws: usage (source "tokenizer"), when the pattern
    // does not compile or uses what cannot be translated.
    Regex(std::string const& pattern, std::string const& where);

    // A pattern that matches just these characters. Throws: usage, when `text` is empty.
    static Regex literal(std::string const& text, std::string const& where);

    // All matches from left to right, not overlapping; `text` is well-formed UTF-8. An empty match right
    // behind another match is skipped. Throws: usage (source "tokenizer"), when matching needs absurdly
    // many steps.
    std::vector<Span> matches(std::string_view text) const;

  private:
    struct Code;
    Error too_slow(std::string_view reason) const;

    std::shared_ptr<Code const> code_;
    std::string where_;
};

}  // namespace moewire
