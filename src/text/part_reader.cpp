#include "text/part_reader.hpp"

#include <fmt/format.h>

#include "text/utf8.hpp"

namespace moewire {

PartReader::PartReader(Document const& json, std::string where) : json_(&json), where_(std::move(where)) {
    if (!json.is_object()) throw wrong("is no object");
}

Error PartReader::wrong(std::string const& problem, std::string const& remedy) const {
    return input_error("tokenizer", fmt::format("{} {}; {}", where_, problem, remedy));
}

Error PartReader::unsupported(std::string const& supported) const {
    return wrong(fmt::format("is of type {}, which is not supported", in_quotes(type())),
                 fmt::format("supported are {}", supported));
}

bool PartReader::has(char const* key) const {
    return json_->contains(key) && !(*json_)[key].is_null();
}

Document const& PartReader::any(char const* key) const {
    if (!has(key)) throw wrong(fmt::format("has no {}", key));
    return (*json_)[key];
}

std::string PartReader::text(char const* key) const {
    auto const& value = any(key);
    if (!value.is_string()) throw wrong(fmt::format("has a {} that is no text", key));
    return value.get<std::string>();
}

std::optional<std::string> PartReader::optional_text(char const* key) const {
    if (!has(key)) return std::nullopt;
    return text(key);
}

bool PartReader::flag(char const* key) const {
    auto const& value = any(key);
    if (!value.is_boolean()) throw wrong(fmt::format("has a {} that is neither true nor false", key));
    return value.get<bool>();
}

bool PartReader::flag_or(char const* key, bool otherwise) const {
    return has(key) ? flag(key) : otherwise;
}

std::int64_t PartReader::whole(char const* key) const {
    auto const& value = any(key);
    if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > 2147483647.0) {
        throw wrong(fmt::format("has a {} that is no whole number below 2^31", key));
    }
    return value.get<std::int64_t>();
}

std::string PartReader::where_of(char const* key) const {
    return fmt::format("{}{}{}", where_, where_.ends_with(':') ? " " : ".", key);
}

PartReader PartReader::part(char const* key) const {
    return {any(key), where_of(key)};
}

std::vector<PartReader> PartReader::parts(char const* key) const {
    auto const& list = any(key);
    if (!list.is_array()) throw wrong(fmt::format("has {} that are no list", key));
    std::vector<PartReader> all;
    for (std::size_t i = 0; i < list.size(); ++i)
        all.emplace_back(list[i], fmt::format("{}[{}]", where_of(key), i));
    return all;
}

std::int32_t PartReader::character(char const* key) const {
    auto const value = text(key);
    if (!value.empty()) {
        auto const c = decode_char(value);
        if (c.valid && c.bytes == value.size()) return c.code;
    }
    throw wrong(fmt::format("has a {} that is not one character", key));
}

}  // namespace moewire
