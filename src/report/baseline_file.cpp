#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "report/baseline.hpp"
#include "report/csv.hpp"

namespace moewire {
namespace {

constexpr char const* header = "case,quantity,value,low,high,samples";

double number_in(std::string const& cell, std::string const& where) {
    double value = 0;
    auto const* const end = cell.data() + cell.size();
    auto const read = std::from_chars(cell.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end || !std::isfinite(value) || value <= 0) {
        throw input_error("baseline",
                          fmt::format("{}: '{}' is no number above zero (a figure is compared by ratio); "
                                      "write the baseline anew with --update_baseline",
                                      where, cell));
    }
    return value;
}

Figure figure_in(std::vector<std::string> const& cells, std::string const& where) {
    Figure figure;
    figure.key = cells[0].starts_with('\'') ? cells[0].substr(1) : cells[0];  // csv_text's
    figure.quantity = cells[1];
    static std::set<std::string> const known{quantity::exchange_s, quantity::exchange_ratio,
                                             quantity::tokens_per_s, quantity::tokens_ratio};
    if (!known.contains(figure.quantity)) {
        throw input_error("baseline",
                          fmt::format("{}: unknown quantity '{}' (a newer moewire wrote it?); write the "
                                      "baseline anew with --update_baseline",
                                      where, figure.quantity));
    }
    figure.value = number_in(cells[2], where);
    figure.bounded = !cells[3].empty() && !cells[4].empty();
    figure.low = figure.bounded ? number_in(cells[3], where) : figure.value;
    figure.high = figure.bounded ? number_in(cells[4], where) : figure.value;
    figure.samples = static_cast<std::int64_t>(number_in(cells[5], where));
    return figure;
}

}  // namespace

std::string baseline_text(Trace const& trace, std::vector<Figure> const& figures) {
    if (figures.empty()) {
        throw input_error("baseline",
                          fmt::format("{} holds no measured case to keep (a baseline of nothing guards "
                                      "nothing); name a run that measured",
                                      trace.path.string()));
    }
    std::string text =
        "# moewire baseline: figures of one run with their 95 % intervals (empty: too few samples).\n";
    for (auto const* key : {"cpu", "gpu", "cores", "ranks", "nodes", "transport", "mpi_version",
                            "nccl_version", "program_version", "git_state", "created_utc", "command_line"}) {
        if (!trace.root.has(key)) continue;
        auto value = to_text(trace.root.attributes.at(key));
        std::replace(value.begin(), value.end(), '\n', ' ');
        text += fmt::format("# {}: {}\n", key, value);
    }
    text += std::string(header) + "\n";
    for (auto const& f : figures) {
        text += fmt::format("{},{},{:.6g},{},{},{}\n", csv_text(f.key), f.quantity, f.value,
                            f.bounded ? fmt::format("{:.6g}", f.low) : "",
                            f.bounded ? fmt::format("{:.6g}", f.high) : "", f.samples);
    }
    return text;
}

std::vector<Figure> read_baseline(std::filesystem::path const& path) {
    auto const rows = parse_csv(read_file(path), path.string());
    std::string first;
    if (!rows.empty()) {
        for (auto const& cell : rows.front()) first += (first.empty() ? "" : ",") + cell;
    }
    if (first != header) {
        throw input_error("baseline", fmt::format("{} is no baseline (its columns are not {}); name one that "
                                                  "--update_baseline wrote",
                                                  path.string(), header));
    }
    std::vector<Figure> figures;
    for (std::size_t i = 1; i < rows.size(); ++i) {
        auto const where = fmt::format("{}, row {}", path.string(), i);
        if (rows[i].size() != 6) {
            throw input_error("baseline",
                              fmt::format("{} has {} cells, not 6 (it was cut or changed by hand?); write "
                                          "the baseline anew with --update_baseline",
                                          where, rows[i].size()));
        }
        figures.push_back(figure_in(rows[i], where));
    }
    if (figures.empty()) {
        throw input_error("baseline",
                          fmt::format("{} holds no figure (a gate over nothing would always open); write "
                                      "it anew with --update_baseline",
                                      path.string()));
    }
    return figures;
}

}  // namespace moewire
