#include <fmt/format.h>

#include "base/show.hpp"
#include "report/markdown_tables.hpp"

namespace moewire::markdown {
namespace {

std::string provenance_table(Findings const& findings) {
    std::vector<std::string> header{"what differs"};
    for (auto const& run : findings.runs) header.push_back(run.name);
    Table table(header);
    for (auto const& row : findings.provenance) {
        std::vector<std::string> cells{row.what};
        cells.insert(cells.end(), row.values.begin(), row.values.end());
        table.add(cells);
    }
    return table.text(TableStyle::markdown);
}

// A ratio with its interval; the quantity's own figure of then and now are in the CSV.
std::string change_of(BaselineRow const& row) {
    if (row.change == Change::missing) return row.why;
    return fmt::format("{:.3f} ({:.3f} to {:.3f})", row.cost, row.cost_low, row.cost_high);
}

}  // namespace

std::string differences_section(Findings const& findings) {
    if (findings.runs.size() < 2) return "";
    std::string text = "## Runs side by side\n\nWhat the runs were made with, where it differs:\n\n" +
                       provenance_table(findings);
    Table table({"case", "run", "p50 there", "p50 in " + findings.runs.front().name, "there against here"});
    for (auto const& d : findings.differences) {
        table.add({d.key, findings.runs[d.run].name, show_seconds(d.other->p50.value),
                   show_seconds(d.first->p50.value), say_comparison(d.time)});
    }
    if (table.empty()) return text + "\nNo case was measured in more than one run: nothing to compare.\n\n";
    return text +
           "\nCases that were measured in more than one run; medians resampled, as runs do not pair:\n\n" +
           table.text(TableStyle::markdown) + "\n";
}

std::string baseline_section(Findings const& findings) {
    if (findings.baseline.empty()) return "";
    Table table({"case", "quantity", "now over then, as a cost (95 %)", "tolerance", "verdict"});
    for (auto const& row : findings.baseline) {
        table.add({row.kept.key, row.kept.quantity, change_of(row),
                   fmt::format("{:.0f} %", 100 * row.tolerance), name_of(row.change)});
    }
    return fmt::format(
        "## Against the baseline {}\n\n{}. A cost above 1 is a longer time or a smaller throughput; better "
        "and worse are said only where the whole interval lies beyond the tolerance.\n\n{}\n",
        findings.baseline_name, say_changes(findings.baseline), table.text(TableStyle::markdown));
}

std::string expectation_table(std::vector<Expectation> const& expectations) {
    Table table(expectation_header());
    for (auto const& e : expectations) table.add(to_row(e));
    return table.text(TableStyle::markdown);
}

}  // namespace moewire::markdown
