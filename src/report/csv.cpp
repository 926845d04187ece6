#include "report/csv.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {

std::string csv_text(std::string_view text) {
    std::string cell;
    if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
        cell = "'";
    cell += text;
    if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
    std::string quoted = "\"";
    for (char const c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
}

std::string csv_number(double value) {
    return std::isfinite(value) ? fmt::format("{:.10g}", value) : "";
}

std::vector<std::vector<std::string>> parse_csv(std::string_view text, std::string const& file) {
    std::vector<std::vector<std::string>> rows;
    std::size_t at = 0;
    int line = 0;
    while (at < text.size()) {
        ++line;
        if (text[at] == '#' || text[at] == '\n' || text[at] == '\r') {
            auto const end = text.find('\n', at);
            at = end == std::string_view::npos ? text.size() : end + 1;
            continue;
        }
        auto& cells = rows.emplace_back(1);
        bool quoted = false;
        for (; at < text.size() && (quoted || text[at] != '\n'); ++at) {
            char const c = text[at];
            bool const doubled = quoted && c == '"' && at + 1 < text.size() && text[at + 1] == '"';
            if (doubled)
                cells.back() += text[++at];
            else if (c == '"')
                quoted = !quoted;
            else if (c == ',' && !quoted)
                cells.emplace_back();
            else if (c != '\r' || quoted)
                cells.back() += c;
        }
        if (quoted) {
            throw input_error(
                "csv", fmt::format("{}: row {} has a quote that is not closed (its cells cannot be told "
                                   "apart); repair it or write it anew",
                                   file, line));
        }
        ++at;
    }
    return rows;
}

}  // namespace moewire
