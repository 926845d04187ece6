#include "text/normalizer.hpp"

#include <cstdlib>
#include <memory>

#include <fmt/format.h>
#include <utf8proc.h>

#include "text/text_limit.hpp"
#include "text/utf8.hpp"

namespace moewire {
namespace {

bool is_ascii(std::string const& text) {
    for (char const c : text) {
        if (static_cast<unsigned char>(c) >= 0x80) return false;
    }
    return true;
}

std::string unicode_form(std::string text, utf8proc_option_t options, std::string const& where) {
    if (is_ascii(text)) return text;
    utf8proc_uint8_t* raw = nullptr;
    auto const bytes = utf8proc_map(reinterpret_cast<utf8proc_uint8_t const*>(text.data()),
                                    static_cast<utf8proc_ssize_t>(text.size()), &raw,
                                    static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE));
    std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> const owner(raw, &std::free);
    if (bytes < 0)
        throw failure("tokenizer", fmt::format("{}: Unicode normalisation failed ({}); use a smaller text",
                                               where, utf8proc_errmsg(bytes)));
    return {reinterpret_cast<char const*>(raw), static_cast<std::size_t>(bytes)};
}

// Character by character, without context, as the library does.
std::string lowercase(std::string const& text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        auto const c = decode_char(std::string_view(text).substr(at));
        append_char(out, c.code == 0x130 ? 'i' : utf8proc_tolower(c.code));
        if (c.code == 0x130) append_char(out, 0x307);  // the only character that becomes two
        at += c.bytes;
    }
    return out;
}

std::string replace(std::string const& text, Regex const& pattern, std::string const& content,
                    std::string const& where) {
    std::string out;
    out.reserve(text.size());
    TextLimit const limit(text.size());
    std::size_t done = 0;
    for (auto const& match : pattern.matches(text)) {
        out.append(text, done, match.begin - done).append(content);
        limit.check(out.size(), where);
        done = match.end;
    }
    return out.append(text, done);
}

// Replace is mostly a space by another character: worth a way without the pattern machine.
std::string replace_text(std::string const& text, std::string const& what, std::string const& content,
                         std::string const& where) {
    std::string out;
    TextLimit const limit(text.size());
    out.reserve(text.size() + text.size() / 4);
    std::size_t done = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, done)) {
        out.append(text, done, at - done).append(content);
        limit.check(out.size(), where);
        done = at + what.size();
    }
    return out.append(text, done);
}

std::string strip(std::string const& text, bool left, bool right) {
    std::string_view view = text;
    while (left && !view.empty() && is_whitespace(decode_char(view).code))
        view.remove_prefix(decode_char(view).bytes);
    while (right && !view.empty()) {
        auto const bytes = last_char_bytes(view);
        if (!is_whitespace(decode_char(view.substr(view.size() - bytes)).code)) break;
        view.remove_suffix(bytes);
    }
    return std::string(view);
}

Normalizer make_replace(PartReader const& part) {
    auto const content = part.text("content");
    auto const pattern = part.part("pattern");
    if (pattern.has("String") && !pattern.text("String").empty()) {
        return [what = pattern.text("String"), content, where = part.where()](std::string text) {
            return replace_text(text, what, content, where);
        };
    }
    return [regex = read_pattern(part), content, where = part.where()](std::string text) {
        return replace(text, regex, content, where);
    };
}

}  // namespace

Regex read_pattern(PartReader const& part) {
    auto const pattern = part.part("pattern");
    if (pattern.has("String")) return Regex::literal(pattern.text("String"), pattern.where() + ".String");
    if (pattern.has("Regex")) return {pattern.text("Regex"), pattern.where() + ".Regex"};
    throw pattern.wrong("has neither String nor Regex");
}

namespace {

Normalizer make_one(PartReader const& part) {
    auto const type = part.type();
    auto const form = [&](int options) {
        return [options, where = part.where()](std::string text) {
            return unicode_form(std::move(text), static_cast<utf8proc_option_t>(options), where);
        };
    };
    if (type == "NFC") return form(UTF8PROC_COMPOSE);
    if (type == "NFD") return form(UTF8PROC_DECOMPOSE);
    if (type == "NFKC") return form(UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    if (type == "NFKD") return form(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
    if (type == "Replace") return make_replace(part);
    if (type == "Lowercase") return [](std::string text) { return lowercase(text); };
    if (type == "Prepend") {
        return
            [prefix = part.text("prepend")](std::string text) { return text.empty() ? text : prefix + text; };
    }
    if (type == "Strip") {
        return [left = part.flag("strip_left"), right = part.flag("strip_right")](std::string text) {
            return strip(text, left, right);
        };
    }
    throw part.unsupported("Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip");
}

// Sequences within sequences become one list, so that one limit holds for all.
void collect(PartReader const& part, std::vector<Normalizer>& all) {
    if (part.type() != "Sequence") {
        all.push_back(make_one(part));
        return;
    }
    for (auto const& inner : part.parts("normalizers")) collect(inner, all);
}

}  // namespace

Normalizer make_normalizer(PartReader const& part) {
    std::vector<Normalizer> all;
    collect(part, all);
    return [all, where = part.where()](std::string text) {
        TextLimit const limit(text.size());
        for (auto const& one : all) {
            text = one(std::move(text));
            limit.check(text.size(), where);
        }
        return text;
    };
}

}  // namespace moewire
