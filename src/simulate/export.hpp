// What can other simulators read? Traffic and machines in their formats; each format reads its own files
// back, so that nothing is lost on the way.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "simulate/cost_model.hpp"
#include "topology/link_graph.hpp"

namespace moewire {

struct ExportFile {
    std::string name;
    std::string content;
};

// What its files say to a reader. A rank's own bytes are in no format.
struct Imported {
    std::optional<Grid<std::uint64_t, 2>> bytes;  // Shape: [source, destination]
    std::optional<LinkGraph> machine;             // as far as the format keeps it
};

struct TrafficExport {
    static constexpr char const* catalogue = "simulate/exports";
    // What the names of its files end in, that of the traffic first.
    std::vector<std::string> endings;
    // `name` begins every file name. Throws: usage (source "export"), when the format cannot say this
    // machine.
    std::function<std::vector<ExportFile>(Scenario const&, std::string const& name)> write;
    // Throws: usage (source "export"), naming file and line.
    std::function<Imported(std::vector<ExportFile> const&)> read;
};

// Reads traffic that some simulator keeps, in the format that the first file's ending tells; files of
// one name belong together. Throws: usage (source "export"), when no format has that ending, or it holds no
// traffic.
Grid<std::uint64_t, 2> import_traffic(std::vector<std::filesystem::path> const& files);

// Throws: failure (source "export"), unless the files say the same exchange and the same machine.
// Returns what was compared, in words.
std::string read_back(TrafficExport const& format, std::vector<ExportFile> const& files,
                      Scenario const& scenario);

// Lines without comments and white space at the ends; empty ones left out.
struct NumberedLine {
    int number = 0;
    std::string_view text;
};
std::vector<NumberedLine> lines_of(std::string_view content, std::string_view comment);
std::vector<std::string_view> words_of(std::string_view line);

// Throws: usage (source "export"), naming file and line, unless `word` is a whole number, 0 to 2^63.
std::uint64_t whole_number(std::string_view word, ExportFile const& file, int line);
// As many ranks as a matrix may have. Throws: usage.
std::size_t rank_count(std::string_view word, ExportFile const& file, int line);
// At most 2^24, so that sums of some stay whole. Throws: usage.
int small_number(std::string_view word, ExportFile const& file, int line);
// The same for a number with its unit behind it; zero or more.
double decimal_number(std::string_view word, std::string_view unit, ExportFile const& file, int line);
Error export_error(ExportFile const& file, int line, std::string const& problem);

// Adds to a matrix; refuses ranks outside it, and more than a pair may have. Throws: usage.
void add_bytes(Grid<std::uint64_t, 2>& bytes, std::uint64_t source, std::uint64_t destination,
               std::uint64_t amount, ExportFile const& file, int line);

// Sends must be what others expect. Throws: usage, naming the first pair that differs.
void expect_matched(Grid<std::uint64_t, 2> const& sent, Grid<std::uint64_t, 2> const& received,
                    ExportFile const& file);

// A machine's cables as ns-3 front ends read them: "a b 100Gbps 0.001ms 0".
std::string cable_lines(LinkGraph const& graph);
// `promised`: how many the file says there are. Refuses vertices that `graph` does not have. Throws: usage.
void read_cables(LinkGraph& graph, std::vector<NumberedLine> const& lines, std::size_t first,
                 std::uint64_t promised, ExportFile const& file);

}  // namespace moewire
