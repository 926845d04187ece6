// Is this size of a config.json one that a model can have? Bounds that all its keys share.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "checkpoint/json_fields.hpp"

namespace moewire {

// Far above any model, far below where products of sizes overflow.
constexpr std::int64_t most_vocab = 1 << 24;
constexpr std::int64_t most_width = 1 << 22;  // hidden, intermediate
constexpr std::int64_t most_layers = 10'000;
constexpr std::int64_t most_heads = 1 << 16;  // also of head_dim and of experts

// `value` itself. Throws: usage, naming the key, when it is not within 1 .. `most`.
std::int64_t checked(JsonFields const& fields, std::string_view key, std::int64_t value, std::int64_t most);

// Which of several names of one thing the file uses; the first, when it uses none.
std::string_view named(JsonFields const& fields, std::initializer_list<std::string_view> keys);

// The value under whichever of the keys is there, else the fallback; 0 as fallback: there is none. Throws:
// usage.
std::int64_t size_of(JsonFields const& fields, std::initializer_list<std::string_view> keys,
                     std::int64_t fallback, std::int64_t most);

// Throws: usage, when it is not from 0 to below 1.
double number_within(JsonFields const& fields, std::string_view key, double fallback);

}  // namespace moewire
