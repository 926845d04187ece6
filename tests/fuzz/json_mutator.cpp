#include "fuzz/json_mutator.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include <fmt/format.h>

namespace moewire::fuzz {
namespace {

constexpr int most_depth = 100;  // the library writes by recursion
constexpr std::uint64_t most_copied_bytes = 1 << 13;
constexpr auto replace_bad = Json::error_handler_t::replace;
constexpr std::size_t most_bytes = 1 << 20;  // of a text that is taken apart

std::string_view pick(std::span<std::string_view const> from, Random& random) {
    return from[static_cast<std::size_t>(random.below(from.size()))];
}

// Texts that no document holds stand in it under this mark until it is written.
class RawTexts {
  public:
    Json mark(std::string_view raw) {
        texts_.emplace_back(raw);
        return fmt::format("raw#{}#", texts_.size() - 1);
    }

    std::string written(Json const& document) const {
        std::string text = document.dump(-1, ' ', false, replace_bad);
        for (std::size_t i = 0; i < texts_.size(); ++i) {
            auto const marked = fmt::format("\"raw#{}#\"", i);
            for (auto at = text.find(marked); at != std::string::npos; at = text.find(marked, at)) {
                text.replace(at, marked.size(), texts_[i]);
                at += texts_[i].size();
            }
        }
        return text;
    }

  private:
    std::vector<std::string> texts_;
};

Json parsed(std::string_view text) {
    if (text.size() > most_bytes) return Json(Json::value_t::discarded);
    bool deep = false;
    auto document = Json::parse(
        text,
        [&](int depth, Json::parse_event_t, Json&) {
            deep = deep || depth > most_depth;
            return !deep;
        },
        false);
    return deep ? Json(Json::value_t::discarded) : document;
}

Json& child(Json& parent, std::size_t index) {
    return *std::next(parent.begin(), static_cast<std::ptrdiff_t>(index));
}

void nudge_number(Json& value, Random& random) {
    auto const whole = value.is_number_integer() ? value.get<std::int64_t>() : std::int64_t{1};
    auto const bits = static_cast<std::uint64_t>(whole);
    switch (random.below(6)) {
        case 0:
            value = static_cast<std::int64_t>(bits + 1);
            break;
        case 1:
            value = static_cast<std::int64_t>(bits - 1);
            break;
        case 2:
            value = bits * 2;
            break;
        case 3:
            value = static_cast<std::int64_t>(~bits + 1);
            break;
        case 4:
            value = static_cast<double>(whole) + 0.5;
            break;
        default:
            value = bits ^ (std::uint64_t{1} << random.below(64));
    }
}

void nudge_text(Json& value, std::span<std::string_view const> words, Random& random) {
    auto text = value.get<std::string>();
    auto const at = static_cast<std::size_t>(random.below(text.size() + 1));
    switch (random.below(5)) {
        case 0:
            text.erase(at, static_cast<std::size_t>(random.below(4)));
            break;
        case 1:
            text.insert(at, 1, static_cast<char>(random.below(128)));
            break;
        case 2:
            text.insert(at, pick(words, random));
            break;
        case 3:
            text.insert(at, text);
            break;
        default: {
            static constexpr std::array<std::string_view, 16> pieces{
                "(",   ")*", "[", "]", "{1,9}", "\\p{L}",   "\\s",          "|",
                "(?=", "+",  "?", ".", " ",     "\xC3\xA9", "\xE2\x96\x81", "\xF0\x9F\x99\x82"};
            text.insert(at, pick(pieces, random));
        }
    }
    value = text;
}

void rename_key(Json& object, std::span<std::string_view const> words, Random& random) {
    auto const at = static_cast<std::size_t>(random.below(object.size()));
    auto entry = std::next(object.begin(), static_cast<std::ptrdiff_t>(at));
    auto const value = entry.value();
    auto const word = Json::parse(pick(words, random), nullptr, false);
    auto const name = word.is_string() ? word.get<std::string>() : entry.key() + "x";
    if (random.below(2) == 0) object.erase(entry);
    object[name] = value;
}

void resize(Json& value, Random& random) {
    if (!value.is_structured() || value.empty()) {
        for (auto left = random.below(70); left > 0; --left) value = Json::array({value});
        return;
    }
    auto const at = static_cast<std::size_t>(random.below(value.size()));
    if (value.is_object() || random.below(2) == 0) {
        value.erase(std::next(value.begin(), static_cast<std::ptrdiff_t>(at)));
        return;
    }
    auto const copy = child(value, at);
    auto const most_copies = most_copied_bytes / (copy.dump(-1, ' ', false, replace_bad).size() + 1);
    for (auto left = std::min(std::uint64_t{1} << random.below(8), most_copies); left > 0; --left)
        value.push_back(copy);
}

void change(Json& document, std::span<std::string_view const> words, RawTexts& raw, Random& random) {
    Json& value = some_value(document, random);
    switch (random.below(8)) {
        case 0: {
            auto const text = pick(hostile_values(), random);
            auto hostile = parsed(text);
            value = hostile.is_discarded() ? raw.mark(text) : std::move(hostile);
            break;
        }
        case 1:
            value = Json::parse(pick(words, random), nullptr, false);
            if (value.is_discarded()) value = nullptr;
            break;
        case 2: {
            auto const copy = value;
            if (copy.dump(-1, ' ', false, replace_bad).size() < most_copied_bytes)
                some_value(document, random) = copy;
            break;
        }
        case 3:
            if (value.is_object() && !value.empty()) {
                rename_key(value, words, random);
                break;
            }
            [[fallthrough]];
        case 4:
            resize(value, random);
            break;
        default:
            if (value.is_number()) nudge_number(value, random);
            if (value.is_string()) nudge_text(value, words, random);
            if (value.is_boolean()) value = !value.get<bool>();
            if (value.is_structured()) resize(value, random);
    }
}

std::string mutate_text(std::string text, std::span<std::string_view const> words, Random& random) {
    static constexpr std::array<std::string_view, 12> pieces{"{",  "}",  "[",       "]",    ",", ":",
                                                             "\"", "\\", "\\ud800", "\xFF", " ", "[[[[[[[["};
    for (auto left = 1 + random.below(4); left > 0; --left) {
        auto const at = static_cast<std::size_t>(random.below(text.size() + 1));
        auto const bytes = std::min(text.size() - at, static_cast<std::size_t>(random.below(12)));
        switch (random.below(4)) {
            case 0:
                text.erase(at, bytes);
                break;
            case 1:
                text.replace(at, bytes, pick(words, random));
                break;
            case 2:
                text.insert(at, pick(pieces, random));
                break;
            default:  // a key twice, if it hits one
                text.insert(at,
                            text.substr(static_cast<std::size_t>(random.below(text.size() + 1)), 4 * bytes));
        }
    }
    return text;
}

}  // namespace

std::span<std::string_view const> hostile_values() {
    static constexpr std::array<std::string_view, 50> values{
        "null", "true", "false", "0", "1", "-1", "2", "3", "7", "-0", "0.0", "-0.0", "0.5", "1.0", "1e-320",
        "1e308", "-1e308", "255", "65536", "16777217", "2147483647", "2147483648", "-2147483648",
        "4294967296", "9007199254740993", "9223372036854775807", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "-9223372036854775809", "\"\"", "\"a\"", "\"0\"",
        "\"\\u0000\"", "\"\\u001b[2J\"", "\"\\ud83d\\ude42\"", "\"\\uffff\"", "[]", "{}", "[[]]", "[0]",
        "[-1, 1e99]", "[\"a\"]", "{\"\": null}", "{\"a\": {\"a\": []}}",
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaa\"",
        // What no document holds.
        "1e999", "-1e999", "\"\\ud800\"", "\"\xC3(\""};
    return values;
}

Json& some_value(Json& document, Random& random) {
    Json* value = &document;
    while (value->is_structured() && !value->empty() && random.below(5) != 0)
        value = &child(*value, static_cast<std::size_t>(random.below(value->size())));
    return *value;
}

std::string mutate_json(std::string_view text, std::span<std::string_view const> words, Random& random) {
    auto document = parsed(text);
    if (document.is_discarded() || random.below(10) == 0)
        return mutate_text(std::string(text), words, random);
    RawTexts raw;
    for (auto left = 1 + random.below(4); left > 0; --left) change(document, words, raw, random);
    return raw.written(document);
}

}  // namespace moewire::fuzz
