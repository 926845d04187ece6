#include "text/target_text.hpp"

#include <string>
#include <string_view>

#include "text/utf8.hpp"

namespace moewire {
namespace {

using Ids = std::span<std::int32_t const>;

// Without the tokens of a character that is cut short at the end: they decode to U+FFFD. A U+FFFD of the text
// itself counts as cut short as well, and so falls to the tokens behind the cut.
std::string whole_characters(Tokenizer const& tokenizer, Ids ids) {
    auto text = tokenizer.decode(ids);
    while (text.ends_with(replacement_character) && !ids.empty()) {
        ids = ids.first(ids.size() - 1);
        text = tokenizer.decode(ids);
    }
    return text;
}

// Where to start decoding so that position `at` is understood: at a token before it that is text by itself.
// It keeps the space between words, and no character's bytes are torn from those before them, which would
// spoil all bytes that follow.
std::size_t start_before(Tokenizer const& tokenizer, Ids ids, std::size_t at) {
    constexpr std::size_t farthest = 1024;  // a text without such a token is no text
    auto const least = at > farthest ? at - farthest : 0;
    while (at > least) {
        --at;
        if (tokenizer.decode(ids.subspan(at, 1)).find(replacement_character) == std::string::npos) break;
    }
    return at;
}

// Words that begin at byte `from` or later.
std::int64_t words_from(std::string_view text, std::size_t from) {
    std::int64_t words = 0;
    bool in_word = false;
    for (std::size_t at = 0; at < text.size();) {
        auto const character = decode_char(text.substr(at));
        bool const space = is_whitespace(character.code);
        if (!space && !in_word && at >= from) ++words;
        in_word = !space;
        at += character.bytes;
    }
    return words;
}

}  // namespace

TextAmount count_target_text(Tokenizer const& tokenizer, Ids text_tokens,
                             std::span<TokenRange const> targets) {
    TextAmount total;
    for (auto const& range : targets) {
        auto const start = start_before(tokenizer, text_tokens, range.begin);
        auto const upto = [&](std::size_t end) {
            auto const ids = text_tokens.subspan(start, end - start);
            return end == text_tokens.size() ? tokenizer.decode(ids) : whole_characters(tokenizer, ids);
        };
        auto const before = upto(range.begin).size();
        auto const text = upto(range.end);
        if (text.size() <= before) continue;
        total.bytes += static_cast<std::int64_t>(text.size() - before);
        total.words += words_from(text, before);
    }
    return total;
}

}  // namespace moewire
