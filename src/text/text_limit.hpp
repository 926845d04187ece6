// How long may a text become on its way to tokens and back? Rules of tokenizer.json that lengthen it may
// follow each other, and a file of a page could ask for more memory than any machine has.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace moewire {

class TextLimit {
  public:
    // For what is made of `text_bytes`: 64 times as much and a MiB besides. The longest that Unicode makes of
    // one character is 11 times (U+FDFA).
    explicit TextLimit(std::size_t text_bytes) : text_bytes_(text_bytes) {}

    // Throws: usage (source "tokenizer"), when `bytes` are more; `where` names file and part.
    void check(std::size_t bytes, std::string_view where) const {
        if (bytes > 64 * text_bytes_ + (std::size_t{1} << 20)) refuse(where);
    }

  private:
    [[noreturn]] void refuse(std::string_view where) const;

    std::size_t text_bytes_;
};

}  // namespace moewire
