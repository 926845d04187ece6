#include "text/pre_tokenizer.hpp"

#include "text/byte_level.hpp"
#include "text/normalizer.hpp"
#include "text/utf8.hpp"

namespace moewire {
namespace {

// GPT-2's words. Source: encoder.py of openai/gpt-2; the same in the library.
constexpr char const* byte_level_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

PreTokenizer make_byte_level(PartReader const& part) {
    bool const prefix_space = part.flag("add_prefix_space"), use_regex = part.flag_or("use_regex", true);
    Regex const words(byte_level_pattern, part.where());
    return [=](Pieces& pieces) {
        if (prefix_space) {
            rewrite(pieces, [](Piece const&, std::string_view text, std::string& out) {
                if (!text.starts_with(' ')) out += ' ';
                out += text;
            });
        }
        if (use_regex)
            split(
                pieces, [&](std::string_view text) { return words.matches(text); }, SplitBehavior::isolated);
        rewrite(pieces, [](Piece const&, std::string_view text, std::string& out) {
            append_byte_characters(out, text);
        });
    };
}

enum class Prepend { always, first, never };

Prepend prepend_of(PartReader const& part) {
    auto const scheme = part.optional_text("prepend_scheme").value_or("always");
    if (part.has("add_prefix_space") && !part.flag("add_prefix_space")) return Prepend::never;
    if (scheme == "always") return Prepend::always;
    if (scheme == "first") return Prepend::first;
    if (scheme == "never") return Prepend::never;
    throw part.wrong("has an unknown prepend_scheme");
}

std::vector<Span> find_text(std::string_view text, std::string_view what) {
    std::vector<Span> found;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) {
        found.push_back({at, at + what.size()});
    }
    return found;
}

PreTokenizer make_metaspace(PartReader const& part) {
    std::string mark;
    append_char(mark, part.character("replacement"));
    auto const prepend = prepend_of(part);
    bool const cut = part.flag_or("split", true);
    return [=](Pieces& pieces) {
        rewrite(pieces, [&](Piece const& piece, std::string_view text, std::string& out) {
            bool const marked = text.starts_with(mark) || text.starts_with(' ');
            bool const wanted =
                prepend == Prepend::always || (prepend == Prepend::first && piece.starts_text);
            if (wanted && !marked) out += mark;
            for (char const c : text) c == ' ' ? out += mark : out += c;
        });
        if (cut)
            split(
                pieces, [&](std::string_view text) { return find_text(text, mark); },
                SplitBehavior::merged_with_next);
    };
}

PreTokenizer make_split(PartReader const& part) {
    auto const behavior = split_behavior_of(part.text("behavior"), part.where());
    auto const delimiters = part.flag("invert") ? Delimiters::gaps : Delimiters::matches;
    return [regex = read_pattern(part), behavior, delimiters](Pieces& pieces) {
        split(
            pieces, [&](std::string_view text) { return regex.matches(text); }, behavior, delimiters);
    };
}

PreTokenizer by_characters(bool (*belongs)(CodePoint), SplitBehavior behavior) {
    return [=](Pieces& pieces) {
        split(
            pieces, [=](std::string_view text) { return find_chars(text, belongs); }, behavior);
    };
}

PreTokenizer make_sequence(PartReader const& part) {
    std::vector<PreTokenizer> all;
    for (auto const& inner : part.parts("pretokenizers")) all.push_back(make_pre_tokenizer(inner));
    return [all](Pieces& pieces) {
        for (auto const& one : all) one(pieces);
    };
}

// Words, or runs of what is neither word nor space.
PreTokenizer make_whitespace(PartReader const& part) {
    Regex const words(R"(\w+|[^\w\s]+)", part.where());
    return [words](Pieces& pieces) {
        split(
            pieces, [&](std::string_view text) { return words.matches(text); }, SplitBehavior::removed,
            Delimiters::gaps);
    };
}

}  // namespace

PreTokenizer make_pre_tokenizer(PartReader const& part) {
    auto const type = part.type();
    if (type == "Sequence") return make_sequence(part);
    if (type == "ByteLevel") return make_byte_level(part);
    if (type == "Split") return make_split(part);
    if (type == "Metaspace") return make_metaspace(part);
    if (type == "Digits") {
        return by_characters(
            is_numeric, part.flag("individual_digits") ? SplitBehavior::isolated : SplitBehavior::contiguous);
    }
    if (type == "Punctuation") {
        auto const behavior = part.optional_text("behavior").value_or("Isolated");
        return by_characters(is_punctuation, split_behavior_of(behavior, part.where()));
    }
    if (type == "Whitespace") return make_whitespace(part);
    if (type == "WhitespaceSplit") return by_characters(is_whitespace, SplitBehavior::removed);
    throw part.unsupported(
        "Sequence, ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit");
}

}  // namespace moewire
