#include "topology/section.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moewire {
namespace {

constexpr double most_count = 1e6;

bool is_count(std::optional<double> value, double least) {
    return value && *value == std::floor(*value) && *value >= least && *value <= most_count;
}

}  // namespace

Error Section::wrong(std::string_view key, std::string_view problem, std::string_view remedy) const {
    return input_error("topology", fmt::format("{}: {}{}{} {}; {}", file_, name_, name_.empty() ? "" : ".",
                                               key, problem, remedy));
}

void Section::allow_only(std::initializer_list<std::string_view> keys) const {
    if (table_ == nullptr) return;
    for (auto const& [key, value] : *table_) {
        if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
        throw wrong(key.str(), "is not a known key", fmt::format("use one of: {}", fmt::join(keys, ", ")));
    }
}

std::optional<double> Section::positive(std::string_view key) const {
    if (!has(key)) return std::nullopt;
    auto const value = (*table_)[key].value<double>();
    if (!value) throw wrong(key, "is not a number", "write a number in SI units, e.g. 12.5e9");
    if (!(*value > 0) || !std::isfinite(*value))
        throw wrong(key, fmt::format("is {}", *value), "give a positive number");
    return value;
}

double Section::required(std::string_view key) const {
    auto const value = positive(key);
    if (!value) throw wrong(key, "is missing", "add it, a number in SI units");
    return *value;
}

std::optional<int> Section::count(std::string_view key) const {
    auto const value = positive(key);
    if (!value) return std::nullopt;
    if (!is_count(value, 1)) throw wrong(key, "is not a count", "give a whole number");
    return static_cast<int>(*value);
}

std::vector<int> Section::counts(std::string_view key, int least) const {
    std::vector<int> all;
    if (!has(key)) return all;
    auto const* list = (*table_)[key].as_array();
    if (list == nullptr || list->empty()) throw wrong(key, "is no list of counts", "write e.g. [8, 8, 4]");
    for (auto const& node : *list) {
        auto const value = node.value<double>();
        if (!is_count(value, least)) throw wrong(key, "holds what is not a count", "give whole numbers");
        all.push_back(static_cast<int>(*value));
    }
    return all;
}

std::string Section::text(std::string_view key) const {
    auto const value = table_ == nullptr ? std::nullopt : (*table_)[key].value<std::string>();
    if (!value) throw wrong(key, "is missing or not a text", "add it");
    return *value;
}

std::size_t Section::word(std::string_view key, std::vector<std::string_view> const& words) const {
    if (!has(key)) return 0;
    auto const value = text(key);
    auto const at = std::find(words.begin(), words.end(), value);
    if (at == words.end()) {
        throw wrong(key, fmt::format("is '{}', an unknown word", value),
                    fmt::format("use one of: {}", fmt::join(words, ", ")));
    }
    return static_cast<std::size_t>(at - words.begin());
}

}  // namespace moewire
