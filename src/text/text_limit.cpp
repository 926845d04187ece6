#include "text/text_limit.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {

void TextLimit::refuse(std::string_view where) const {
    throw input_error(
        "tokenizer",
        fmt::format("{}{} makes far more of {} bytes of text than any tokenizer does (64 times as much "
                    "and 1 MiB are allowed); repair the file",
                    where, where.ends_with(':') ? "" : ":", text_bytes_));
}

}  // namespace moewire
