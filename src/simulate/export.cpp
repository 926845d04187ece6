#include "simulate/export.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/json.hpp"

namespace moewire {
namespace {

constexpr std::string_view blanks = " \t\r\v\f";

}  // namespace

Error export_error(ExportFile const& file, int line, std::string const& problem) {
    return input_error("export", fmt::format("{} line {}: {}", file.name, line, problem));
}

std::vector<NumberedLine> lines_of(std::string_view content, std::string_view comment) {
    std::vector<NumberedLine> lines;
    for (int number = 1; !content.empty(); ++number) {
        auto const end = std::min(content.find('\n'), content.size());
        auto line = content.substr(0, end);
        content.remove_prefix(std::min(end + 1, content.size()));
        if (!comment.empty()) line = line.substr(0, line.find(comment));
        auto const begin = line.find_first_not_of(blanks);
        if (begin == std::string_view::npos) continue;
        lines.push_back({number, line.substr(begin, line.find_last_not_of(blanks) - begin + 1)});
    }
    return lines;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (true) {
        auto const begin = line.find_first_not_of(blanks);
        if (begin == std::string_view::npos) return words;
        line.remove_prefix(begin);
        words.push_back(line.substr(0, line.find_first_of(blanks)));
        line.remove_prefix(words.back().size());
    }
}

std::uint64_t whole_number(std::string_view word, ExportFile const& file, int line) {
    std::uint64_t value = 0;
    auto const read = std::from_chars(word.data(), word.data() + word.size(), value);
    if (read.ec != std::errc() || read.ptr != word.data() + word.size() || value >> 63 != 0)
        throw export_error(file, line, fmt::format("{} is no whole number; correct it", in_quotes(word)));
    return value;
}

double decimal_number(std::string_view word, std::string_view unit, ExportFile const& file, int line) {
    double value = 0;
    auto const read = std::from_chars(word.data(), word.data() + word.size(), value);
    std::string_view const rest(read.ptr, static_cast<std::size_t>(word.data() + word.size() - read.ptr));
    if (read.ec != std::errc() || rest != unit || !(value >= 0) || !std::isfinite(value))
        throw export_error(file, line,
                           fmt::format("{} is no number{}{}; correct it", in_quotes(word),
                                       unit.empty() ? "" : " of ", unit));
    return value;
}

void add_bytes(Grid<std::uint64_t, 2>& bytes, std::uint64_t source, std::uint64_t destination,
               std::uint64_t amount, ExportFile const& file, int line) {
    if (source >= bytes.extent(0) || destination >= bytes.extent(0)) {
        throw export_error(file, line,
                           fmt::format("rank {} of {} (they count from 0); correct it",
                                       std::max(source, destination), bytes.extent(0)));
    }
    bytes(source, destination) += amount;
}

void expect_matched(Grid<std::uint64_t, 2> const& sent, Grid<std::uint64_t, 2> const& received,
                    ExportFile const& file) {
    for (std::size_t s = 0; s < sent.extent(0); ++s) {
        for (std::size_t d = 0; d < sent.extent(0); ++d) {
            if (sent(s, d) == received(s, d)) continue;
            throw input_error("export",
                              fmt::format("{}: rank {} sends rank {} {} bytes, which expects {} (it would "
                                          "wait forever); make them equal",
                                          file.name, s, d, sent(s, d), received(s, d)));
        }
    }
}

std::string cable_lines(LinkGraph const& graph) {
    std::string text;
    // Shortest digits that read back to the same number.
    for (auto const& cable : graph.cables) {
        text += fmt::format("{} {} {}Gbps {}ms 0\n", cable.a, cable.b, cable.bytes_per_s * 8 / 1e9,
                            cable.latency_s * 1e3);
    }
    return text;
}

std::vector<Cable> read_cables(std::vector<NumberedLine> const& lines, std::size_t first,
                               ExportFile const& file) {
    std::vector<Cable> cables;
    for (std::size_t i = first; i < lines.size(); ++i) {
        auto const words = words_of(lines[i].text);
        int const line = lines[i].number;
        if (words.size() != 5)
            throw export_error(file, line, "a cable has five words (a b rate delay errors); correct it");
        cables.push_back({static_cast<int>(whole_number(words[0], file, line)),
                          static_cast<int>(whole_number(words[1], file, line)),
                          decimal_number(words[2], "Gbps", file, line) * 1e9 / 8,
                          decimal_number(words[3], "ms", file, line) * 1e-3});
    }
    return cables;
}

}  // namespace moewire
