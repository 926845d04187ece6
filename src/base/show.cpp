#include "base/show.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "base/contract.hpp"

namespace moewire {
namespace {

struct Scale {
    double factor;
    char const* unit;
};

template <std::size_t N>
std::string scaled(double value, std::array<Scale, N> const& scales) {
    if (!std::isfinite(value)) return fmt::format("{}", value);
    for (auto const& scale : scales) {
        if (std::abs(value) >= scale.factor * 0.9995)
            return fmt::format("{:.3g} {}", value / scale.factor, scale.unit);
    }
    auto const& smallest = scales.back();
    return fmt::format("{:.3g} {}", value / smallest.factor, smallest.unit);
}

// Columns count code points, not bytes: names may hold non-ASCII letters.
std::size_t width(std::string const& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool looks_numeric(std::string const& text) {
    return !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '-' ||
                             text[0] == '+' || text[0] == '<');
}

// A bar would end the cell, a line break the table.
std::vector<std::vector<std::string>> markdown_cells(std::vector<std::vector<std::string>> rows) {
    for (auto& row : rows) {
        for (auto& cell : row) {
            for (std::size_t at = 0; (at = cell.find_first_of("|\r\n", at)) != std::string::npos; at += 2)
                cell.replace(at, 1, cell[at] == '|' ? "\\|" : "  ");
        }
    }
    return rows;
}

}  // namespace

std::string show_seconds(double seconds) {
    return scaled(seconds,
                  std::array{Scale{1, "s"}, Scale{1e-3, "ms"}, Scale{1e-6, "us"}, Scale{1e-9, "ns"}});
}

std::string show_bytes(double bytes) {
    return scaled(bytes, std::array{Scale{0x1p40, "TiB"}, Scale{0x1p30, "GiB"}, Scale{0x1p20, "MiB"},
                                    Scale{0x1p10, "KiB"}, Scale{1, "B"}});
}

std::string show_rate(double bytes_per_s) {
    return scaled(bytes_per_s, std::array{Scale{1e12, "TB/s"}, Scale{1e9, "GB/s"}, Scale{1e6, "MB/s"},
                                          Scale{1e3, "kB/s"}, Scale{1, "B/s"}});
}

std::string show_percent(double ratio) {
    return fmt::format("{:.1f} %", ratio * 100);
}

std::string show_count(std::int64_t count) {
    std::string digits = std::to_string(std::abs(count));
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return (count < 0 ? "-" : "") + digits;
}

std::string show_number(double value, int significant) {
    return fmt::format("{:.{}g}", value, significant);
}

std::string utc_now() {
    std::time_t const now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

Table::Table(std::vector<std::string> header) {
    rows_.push_back(std::move(header));
}

void Table::add(std::vector<std::string> row) {
    MOEWIRE_EXPECT(row.size() == rows_.front().size());
    rows_.push_back(std::move(row));
}

std::string Table::text(TableStyle style) const {
    bool const markdown = style == TableStyle::markdown;
    auto const rows = markdown ? markdown_cells(rows_) : rows_;
    std::size_t const columns = rows.front().size();
    std::vector<std::size_t> widths(columns, 3);
    std::vector<bool> numeric(columns, rows.size() > 1);
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            widths[c] = std::max(widths[c], width(rows[r][c]));
            if (r > 0 && !looks_numeric(rows[r][c])) numeric[c] = false;
        }
    }
    std::string out;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        std::string line;
        for (std::size_t c = 0; c < columns; ++c) {
            std::string const pad(widths[c] - width(rows[r][c]), ' ');
            line += markdown ? "| " : (c == 0 ? "" : "  ");
            line += numeric[c] ? pad + rows[r][c] : rows[r][c] + pad;
            line += markdown ? " " : "";
        }
        while (!markdown && !line.empty() && line.back() == ' ') line.pop_back();
        out += line + (markdown ? "|\n" : "\n");
        if (r > 0) continue;
        for (std::size_t c = 0; c < columns; ++c) {
            if (markdown) out += "|" + std::string(widths[c] + 1, '-') + (numeric[c] ? ":" : "-");
            if (!markdown) out += (c == 0 ? "" : "  ") + std::string(widths[c], '-');
        }
        out += markdown ? "|\n" : "\n";
    }
    return out;
}

}  // namespace moewire
