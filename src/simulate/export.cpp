#include "simulate/export.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/json.hpp"
#include "traffic/matrix_file.hpp"

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

std::size_t rank_count(std::string_view word, ExportFile const& file, int line) {
    auto const count = whole_number(word, file, line);
    if (count < 1 || count > most_matrix_ranks)
        throw export_error(
            file, line, fmt::format("{} ranks (1 to {} fit a matrix); correct it", count, most_matrix_ranks));
    return count;
}

int small_number(std::string_view word, ExportFile const& file, int line) {
    auto const number = whole_number(word, file, line);
    if (number > std::uint64_t{1} << 24)
        throw export_error(file, line, fmt::format("{} is too large to be true; correct it", number));
    return static_cast<int>(number);
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
    auto& pair = bytes(source, destination);
    if (amount > most_pair_bytes || pair + amount > most_pair_bytes)
        throw export_error(file, line,
                           fmt::format("{} bytes from {} to {} (no machine has more than {}); correct it",
                                       pair + amount, source, destination, most_pair_bytes));
    pair += amount;
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

void read_cables(LinkGraph& graph, std::vector<NumberedLine> const& lines, std::size_t first,
                 std::uint64_t promised, ExportFile const& file) {
    if (graph.ranks < 1 || graph.vertices < graph.ranks)
        throw export_error(file, 1, "has fewer vertices than switches, or no others; correct it");
    auto const vertex = [&](std::string_view word, int line) {
        auto const number = whole_number(word, file, line);
        if (number >= static_cast<std::uint64_t>(graph.vertices))
            throw export_error(
                file, line,
                fmt::format("vertex {} of {} (they count from 0); correct it", number, graph.vertices));
        return static_cast<int>(number);
    };
    for (std::size_t i = first; i < lines.size(); ++i) {
        auto const words = words_of(lines[i].text);
        int const line = lines[i].number;
        if (words.size() != 5)
            throw export_error(file, line, "a cable has five words (a b rate delay errors); correct it");
        graph.cables.push_back({vertex(words[0], line), vertex(words[1], line),
                                decimal_number(words[2], "Gbps", file, line) * 1e9 / 8,
                                decimal_number(words[3], "ms", file, line) * 1e-3});
    }
    if (graph.cables.size() != promised)
        throw export_error(
            file, 1, fmt::format("promises {} cables, {} follow; correct it", promised, graph.cables.size()));
}

}  // namespace moewire
