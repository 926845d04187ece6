// How does a number read? Human units for messages and reports; files keep SI numbers with their unit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moewire {

std::string show_seconds(double seconds);    // "12.3 us", "4.56 ms", "7.8 s"
std::string show_bytes(double bytes);        // "1.5 KiB", "12 MiB" (powers of 1024)
std::string show_rate(double bytes_per_s);   // "12.3 GB/s" (powers of 1000)
std::string show_percent(double ratio);      // 0.123 -> "12.3 %"
std::string show_count(std::int64_t count);  // 1234567 -> "1,234,567"
std::string show_number(double value, int significant = 4);

// UTC now, "2026-11-22T10:11:12Z".
std::string utc_now();

enum class TableStyle { plain, markdown };

// A table of texts whose columns line up, in a terminal and as Markdown.
class Table {
  public:
    explicit Table(std::vector<std::string> header);
    // Throws: contract, when the row has another number of cells than the header.
    void add(std::vector<std::string> row);
    bool empty() const { return rows_.size() == 1; }
    std::string text(TableStyle style) const;

  private:
    std::vector<std::vector<std::string>> rows_;  // the header is row 0
};

}  // namespace moewire
