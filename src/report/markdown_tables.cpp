#include "report/markdown_tables.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/show.hpp"
#include "report/inside.hpp"

namespace moewire::markdown {
namespace {

std::string percent(double value) {
    return fmt::format("{:+.1f}", 100 * value);
}

std::string interval(Quantile const& q) {
    return fmt::format("{} ({} to {}{})", show_seconds(q.value), show_seconds(q.low), show_seconds(q.high),
                       q.bounded ? "" : ", n small");
}

std::string versus(CaseSummary const& one, CaseSummary const* baseline) {
    if (baseline == nullptr || &one == baseline) return "-";
    return say_comparison(compare(one.charged_s, baseline->charged_s));
}

std::string perplexity_of(CaseSummary const& one, CaseSummary const* baseline) {
    if (one.perplexity <= 0) return "-";
    auto text = fmt::format("{:.4f}", one.perplexity);
    if (one.policy != "native" && baseline != nullptr && baseline->perplexity > 0)
        text += fmt::format(" ({} %)", percent(one.perplexity / baseline->perplexity - 1));
    return text;
}

}  // namespace

std::string group_table(Group const& group) {
    Table table({"strategy", "exchange p50 (95 % interval)", "p95", "p99", "against contiguous",
                 "fastest in % of resamples", "weights moved", "moving p50", "perplexity",
                 "received max/mean", "busiest port", "predicted (line)", "bound / p50", "wait p50",
                 "pass p50", "planning"});
    auto const* const baseline = group.baseline();
    for (auto const& one : group.cases) {
        if (!one.measured()) continue;
        auto const line = one.models.find("line");
        table.add({one.label() + (one.is_bound ? " [bound]" : ""), interval(one.p50),
                   show_seconds(one.p95.value), show_seconds(one.p99.value), versus(one, baseline),
                   one.is_bound ? "-" : fmt::format("{:.0f}", 100 * one.chance_of_fastest),
                   one.migrated_bytes > 0 ? show_bytes(static_cast<double>(one.migrated_bytes)) : "-",
                   one.migration_s.empty() ? "-" : show_seconds(median(one.migration_s)),
                   perplexity_of(one, baseline), fmt::format("{:.3f}", one.rank_max_over_mean),
                   show_bytes(static_cast<double>(one.busiest_bytes)),
                   line == one.models.end() ? "-"
                                            : fmt::format("{} ({} %)", show_seconds(line->second.predicted_s),
                                                          percent(line->second.error)),
                   fmt::format("{:.2f}", one.p50.value > 0 ? one.bound_s / one.p50.value : 0),
                   show_seconds(median(one.wait_s)), show_seconds(one.pass_p50.value),
                   show_seconds(one.plan_s)});
    }
    return table.empty() ? "No case of this group was measured.\n" : table.text(TableStyle::markdown);
}

std::string matrix_section(std::vector<PlanMatrix> const& matrices) {
    std::string text;
    for (auto const& m : matrices) {
        std::vector<std::string> header{"planned on"};
        for (auto const& name : m.test_texts) header.push_back("run on " + name);
        Table table(header);
        for (std::size_t p = 0; p < m.plan_texts.size(); ++p) {
            std::vector<std::string> row{m.plan_texts[p]};
            for (std::size_t t = 0; t < m.test_texts.size(); ++t) {
                auto const& cell = m.cells[p][t];
                auto const& ratio = cell.against_contiguous.ratio;
                auto shown = cell.is_measured
                                 ? fmt::format("{:.3f} ({:.3f} to {:.3f}), max/mean {:.3f}", ratio.value,
                                               ratio.low, ratio.high, cell.rank_max_over_mean)
                                 : "-";
                row.push_back(m.plan_texts[p] == m.test_texts[t] ? "**" + shown + "**" : shown);
            }
            table.add(row);
        }
        text += fmt::format("### {}, {}, {}\n\n{}\n", m.strategy, m.model, m.mode,
                            table.text(TableStyle::markdown));
    }
    if (text.empty()) return "";
    return "## Plans on other texts\n\nTime over that of `contiguous` in the same run (95 % interval), and "
           "tokens "
           "received by the busiest rank over the mean. In bold: planned on the train split of the text that "
           "it "
           "ran on.\n\n" +
           text;
}

std::string accuracy_table(std::vector<ModelAccuracy> const& accuracy) {
    Table table(
        {"mode", "model", "exchanges", "median error %", "p95 error %", "bias %", "inside 90 % interval %"});
    for (auto const& a : accuracy) {
        table.add({a.mode, a.model + (a.is_rule ? " (rule)" : ""), std::to_string(a.exchanges),
                   fmt::format("{:.1f}", 100 * a.median_error), fmt::format("{:.1f}", 100 * a.p95_error),
                   percent(a.bias), a.has_interval ? fmt::format("{:.0f}", 100 * a.coverage) : "-"});
    }
    return table.text(TableStyle::markdown);
}

std::string perplexity_section(Trace const& trace) {
    Table table({"model", "text", "perplexity", "bits per byte", "tokens scored", "protocol"});
    for (auto const& model : trace.models) {
        for (auto const& [name, value] : model.attributes) {
            std::string const prefix = "perplexity.";
            if (!name.starts_with(prefix)) continue;
            auto const text = name.substr(prefix.size());
            table.add({model.text("name"), text, fmt::format("{:.4f}", model.number(name)),
                       fmt::format("{:.4f}", model.number("bits_per_byte." + text)),
                       show_count(model.integer("targets." + text)), model.text("protocol." + text)});
        }
    }
    return table.empty() ? "" : "## Perplexity\n\n" + table.text(TableStyle::markdown) + "\n";
}

std::string run_table(Trace const& trace) {
    Table table({"what", "value"});
    for (auto const* key : {"command_line", "program_version", "git_state", "created_utc", "host", "cpu",
                            "gpu", "cores", "ranks", "nodes", "transport", "mpi_version", "nccl_version",
                            "torch_version", "hdf5_version", "machine", "clock_method", "clock_bound_s"}) {
        if (trace.root.has(key)) table.add({key, to_text(trace.root.attributes.at(key))});
    }
    return table.text(TableStyle::markdown);
}

std::string steps_section(Trace const& trace) {
    Table steps({"case", "step", "median over iterations of the slowest rank, all layers"});
    Table additions({"case", "what", "to", "adds [%]", "95 % interval"});
    for (auto const& record : trace.cases) {
        auto const place = record.text("dataset") + " " + record.text("strategy");
        for (auto const& time : step_times(record)) steps.add({place, time.step, show_seconds(time.p50_s)});
        for (auto const& one : additions_of(record)) {
            additions.add({place, one.what, one.to, percent(one.ratio),
                           one.interval ? fmt::format("{} to {}", percent(one.interval->first),
                                                      percent(one.interval->second))
                                        : "-"});
        }
    }
    if (steps.empty()) return "";
    auto text = "## Inside a layer (mode in_model, a sibling pass with every step stamped)\n\n" +
                steps.text(TableStyle::markdown) + "\n";
    if (!additions.empty()) {
        text += "What stamps, permutations and weighted sums add (sibling passes in turn):\n\n" +
                additions.text(TableStyle::markdown) + "\n";
    }
    return text;
}

}  // namespace moewire::markdown
