// GOAL: sends and receives of every rank, for LogGOPSim and ATLAHS.
//
// Source: spcl/LogGOPSim, the schedule language of `txt2bin`: num_ranks N, then rank i { label: send 8b to j
// tag 0 }.
#include <fmt/format.h>

#include "base/json.hpp"
#include "base/registry.hpp"
#include "simulate/export.hpp"

namespace moewire {
namespace {

std::vector<ExportFile> write(Scenario const& scenario, std::string const& name) {
    auto const& bytes = scenario.bytes;
    auto const n = bytes.extent(0);
    std::string text = fmt::format("num_ranks {}\n", n);
    for (std::size_t rank = 0; rank < n; ++rank) {
        text += fmt::format("\nrank {} {{\n", rank);
        int label = 0;
        // Nothing requires anything: all start at once, as in a group of NCCL calls.
        for (std::size_t step = 1; step < n; ++step) {
            auto const from = (rank + n - step) % n, to = (rank + step) % n;
            if (bytes(from, rank) > 0)
                text += fmt::format("l{}: recv {}b from {} tag 0\n", ++label, bytes(from, rank), from);
            if (bytes(rank, to) > 0)
                text += fmt::format("l{}: send {}b to {} tag 0\n", ++label, bytes(rank, to), to);
        }
        text += "}\n";
    }
    return {{name + ".goal", text}};
}

Imported read(std::vector<ExportFile> const& files) {
    auto const& file = files.at(0);
    auto const lines = lines_of(file.content, "//");
    auto const head = lines.empty() ? std::vector<std::string_view>() : words_of(lines[0].text);
    if (head.size() != 2 || head[0] != "num_ranks")
        throw export_error(file, 1, "does not begin with num_ranks N; add it");
    auto const n = rank_count(head[1], file, lines[0].number);
    Grid<std::uint64_t, 2> sent(n, n), received(n, n);
    std::uint64_t rank = n;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        auto const words = words_of(lines[i].text);
        int const line = lines[i].number;
        if (words[0] == "rank" && words.size() == 3 && words[2] == "{") {
            rank = whole_number(words[1], file, line);
        } else if (words[0] == "}") {
            rank = n;
        } else if (words.size() >= 5 && (words[1] == "send" || words[1] == "recv") &&
                   words[2].ends_with('b')) {
            auto const amount = whole_number(words[2].substr(0, words[2].size() - 1), file, line);
            auto const other = whole_number(words[4], file, line);
            words[1] == "send" ? add_bytes(sent, rank, other, amount, file, line)
                               : add_bytes(received, other, rank, amount, file, line);
        } else {
            throw export_error(
                file, line,
                fmt::format("{} is neither send nor recv; leave it out", in_quotes(lines[i].text)));
        }
    }
    if (rank != n) throw export_error(file, lines.back().number, "the last rank is not closed; add its }");
    expect_matched(sent, received, file);
    return {sent, std::nullopt};
}

bool const registered = register_in<TrafficExport>(
    "goal", "GOAL schedule of sends and receives, for LogGOPSim and ATLAHS (.goal).",
    {{".goal"}, write, read});

}  // namespace
}  // namespace moewire
