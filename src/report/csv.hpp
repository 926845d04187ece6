// How do numbers reach a spreadsheet? RFC 4180, and no name is ever taken for a formula.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moewire {

// A text as a cell: quoted where it must be; a text that a spreadsheet would run ('=', '+', '@', '-' in
// front) gets an apostrophe before it.
std::string csv_text(std::string_view text);

// A number as a cell, with ten digits: more than any clock gives; empty for what is not finite.
std::string csv_number(double value);

// Rows of cells. Lines that start with '#' and empty lines are left out.
// Throws: usage (source "csv"), naming file and line, when a quote is not closed.
std::vector<std::vector<std::string>> parse_csv(std::string_view text, std::string const& file);

}  // namespace moewire
