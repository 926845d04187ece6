#include "report/timeline_text.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "trace/schema.hpp"

namespace moewire {
namespace {

struct Row {
    std::string key;
    std::int64_t iteration = 0;
    PassShares shares;
};

std::string percent(double share) {
    return fmt::format("{:.1f}", 100 * share);
}

// All parts that any case has, in the order in which cases name them.
std::vector<std::string> parts_of(std::vector<Row> const& rows) {
    std::vector<std::string> names;
    for (auto const& row : rows) {
        auto next = names.begin();
        for (auto const& part : row.shares.parts) {
            auto const found = std::find(names.begin(), names.end(), part.name);
            next = (found == names.end() ? names.insert(next, part.name) : found) + 1;
        }
    }
    return names;
}

std::vector<std::string> cells(Row const& row, std::vector<std::string> const& parts,
                               double PassShares::Part::*which) {
    bool const mean = which == &PassShares::Part::mean;
    std::vector<std::string> cells{
        mean ? row.key : "", mean ? std::to_string(row.iteration) : "",
        mean ? show_seconds(row.shares.pass_s) : "",
        mean ? "mean of ranks" : fmt::format("rank {}, critical", row.shares.critical_rank)};
    for (auto const& name : parts) {
        auto const found = std::find_if(row.shares.parts.begin(), row.shares.parts.end(),
                                        [&](auto const& part) { return part.name == name; });
        cells.push_back(found == row.shares.parts.end() ? "-" : percent((*found).*which));
    }
    return cells;
}

}  // namespace

std::string timeline_section(Trace const& trace) {
    std::vector<Row> rows;
    bool is_missing = false;
    for (auto const& record : trace.cases) {
        if (has_timeline(record)) {
            auto const timeline = read_timeline(record);
            rows.push_back({timeline.key, timeline.iteration, shares_of(timeline)});
        } else if (record.has("mode") && record.text("mode") == "in_model" &&
                   record.text("status") == status::ok) {
            is_missing = true;
        }
    }
    if (rows.empty() && !is_missing) return "";
    std::string text = "## Where one forward pass goes (mode in_model)\n\n";
    if (rows.empty()) return text + "This trace was written before timelines were kept (schema 1.2).\n\n";
    auto const parts = parts_of(rows);
    std::vector<std::string> header{"case", "iteration", "pass", "of"};
    for (auto const& name : parts) header.push_back(name + " %");
    Table table(header);
    for (auto const& row : rows) {
        table.add(cells(row, parts, &PassShares::Part::mean));
        table.add(cells(row, parts, &PassShares::Part::critical));
    }
    return text +
           "The median pass with every step stamped, in shares of a rank's own pass. Wait: from own entry to "
           "the last rank's. Critical: the rank that waits least, for which the others wait. Attention "
           "stands "
           "for all that lies between layers with experts; other is what no step covers. `moewire trace "
           "timeline` writes such a pass for Perfetto.\n\n" +
           table.text(TableStyle::markdown) + "\n";
}

std::string share_table(PassShares const& shares, TableStyle style) {
    Table table(
        {"share of the pass %", "mean of ranks", fmt::format("rank {}, critical", shares.critical_rank)});
    for (auto const& part : shares.parts) table.add({part.name, percent(part.mean), percent(part.critical)});
    return table.text(style);
}

}  // namespace moewire
