// How is a JSON text spoiled so that a reader gets far into it? Values are swapped, stretched and replaced in
// the document itself; what no document can hold (bad UTF-8, numbers beyond range, repeated keys) goes into
// its text.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/random.hpp"

namespace moewire::fuzz {

// JSON texts, most of them a valid value: what may replace any value.
std::span<std::string_view const> hostile_values();

// One to four changes. `words` are JSON texts of values that this kind of file knows. A text that is no JSON
// is changed as a text.
std::string mutate_json(std::string_view text, std::span<std::string_view const> words, Random& random);

// A place in `document`: the root, or a value below it; shallow ones are as likely as deep ones.
Json& some_value(Json& document, Random& random);

}  // namespace moewire::fuzz
