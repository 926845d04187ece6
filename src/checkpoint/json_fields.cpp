#include "checkpoint/json_fields.hpp"

#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "checkpoint/safetensors_header.hpp"

namespace moewire {

JsonFields::JsonFields(Document const& object, std::string file, std::string prefix)
    : object_(&object), file_(std::move(file)), prefix_(std::move(prefix)) {
    if (object.is_object()) return;
    throw input_error("checkpoint",
                      fmt::format("{}: {} is {} (an object is needed); correct the file", file_,
                                  prefix_.empty() ? "the content" : prefix_, object.type_name()));
}

Document const* JsonFields::find(std::string_view key) const {
    auto const found = object_->find(key);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool JsonFields::is_null(std::string_view key) const {
    auto const found = object_->find(key);
    return found != object_->end() && found->is_null();
}

Error JsonFields::bad(std::string_view key, std::string const& problem, std::string_view why) const {
    return input_error("checkpoint",
                       fmt::format("{}: {}{} {} ({}); correct the file", file_, prefix_, key, problem, why));
}

Error JsonFields::wrong_type(std::string_view key, std::string_view wanted, Document const& found) const {
    std::string const value = found.is_structured()
                                  ? found.type_name()
                                  : in_quotes(found.dump(-1, ' ', true, Document::error_handler_t::replace));
    return bad(key, "is " + value, fmt::format("{} is needed", wanted));
}

std::int64_t JsonFields::to_integer(std::string_view key, Document const& value) const {
    bool const fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() ||
                       value.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()});
    if (!fits) throw wrong_type(key, "a whole number", value);
    return value.get<std::int64_t>();
}

double JsonFields::to_number(std::string_view key, Document const& value) const {
    // JSON has no infinity, and the parser refuses numbers beyond the range: what arrives is finite.
    if (!value.is_number()) throw wrong_type(key, "a number", value);
    return value.get<double>();
}

std::optional<std::int64_t> JsonFields::integer(std::string_view key) const {
    auto const* value = find(key);
    return value == nullptr ? std::nullopt : std::optional(to_integer(key, *value));
}

std::optional<double> JsonFields::number(std::string_view key) const {
    auto const* value = find(key);
    return value == nullptr ? std::nullopt : std::optional(to_number(key, *value));
}

std::optional<bool> JsonFields::boolean(std::string_view key) const {
    auto const* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_boolean()) throw wrong_type(key, "true or false", *value);
    return value->get<bool>();
}

std::optional<std::string> JsonFields::text(std::string_view key) const {
    auto const* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) throw wrong_type(key, "a text", *value);
    return value->get<std::string>();
}

std::vector<double> JsonFields::numbers(std::string_view key) const {
    std::vector<double> list;
    auto const* value = find(key);
    if (value == nullptr) return list;
    if (!value->is_array()) throw wrong_type(key, "a list of numbers", *value);
    for (auto const& item : *value) list.push_back(to_number(key, item));
    return list;
}

std::vector<std::string> JsonFields::texts(std::string_view key) const {
    std::vector<std::string> list;
    auto const* value = find(key);
    if (value == nullptr) return list;
    if (!value->is_array()) throw wrong_type(key, "a list of texts", *value);
    for (auto const& item : *value) {
        if (!item.is_string()) throw wrong_type(key, "a list of texts", item);
        list.push_back(item.get<std::string>());
    }
    return list;
}

std::vector<std::int64_t> JsonFields::integer_or_list(std::string_view key) const {
    std::vector<std::int64_t> list;
    auto const* value = find(key);
    if (value == nullptr) return list;
    if (!value->is_array()) return {to_integer(key, *value)};
    for (auto const& item : *value) list.push_back(to_integer(key, item));
    return list;
}

std::optional<JsonFields> JsonFields::object(std::string_view key) const {
    auto const* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) throw wrong_type(key, "an object", *value);
    return JsonFields(*value, file_, fmt::format("{}{}.", prefix_, key));
}

std::optional<std::int64_t> JsonFields::integer_of(std::initializer_list<std::string_view> keys) const {
    std::optional<std::int64_t> first;
    std::string_view first_key;
    for (auto const key : keys) {
        auto const value = integer(key);
        if (!value) continue;
        if (first && *first != *value) {
            throw bad(key, fmt::format("is {} but {} is {}", *value, first_key, *first),
                      "they are two names of one thing");
        }
        if (!first) std::tie(first, first_key) = std::pair(value, key);
    }
    return first;
}

}  // namespace moewire
