#include "checkpoint/config_numbers.hpp"

#include <fmt/format.h>

namespace moewire {

std::int64_t checked(JsonFields const& fields, std::string_view key, std::int64_t value, std::int64_t most) {
    if (value >= 1 && value <= most) return value;
    throw fields.bad(key, fmt::format("is {}", value), fmt::format("1 to {} is needed", most));
}

std::int64_t size_of(JsonFields const& fields, std::initializer_list<std::string_view> keys,
                     std::int64_t fallback, std::int64_t most) {
    auto const value = fields.integer_of(keys);
    if (!value && fallback == 0) {
        throw fields.bad(*keys.begin(), "is missing", "this model_type has no known default");
    }
    return checked(fields, named(fields, keys), value.value_or(fallback), most);
}

std::string_view named(JsonFields const& fields, std::initializer_list<std::string_view> keys) {
    for (auto const key : keys) {
        if (fields.has(key)) return key;
    }
    return *keys.begin();
}

double number_within(JsonFields const& fields, std::string_view key, double fallback) {
    double const value = fields.number(key).value_or(fallback);
    if (value >= 0 && value < 1) return value;
    throw fields.bad(key, fmt::format("is {}", value), "0 to below 1 is needed");
}

}  // namespace moewire
