#include "report/markdown_tables.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/show.hpp"

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

// Stamps of exchanges and of steps are held against a pass without any on the first case of a group; traces
// written before that hold those of steps against those of exchanges, on every case.
std::string say_overhead(Record const& record) {
    auto const place = record.text("dataset") + " " + record.text("strategy");
    std::string interval;
    if (record.has("outer_overhead_low_ratio"))
        interval = fmt::format(" ({} to {})", percent(record.number("outer_overhead_low_ratio")),
                               percent(record.number("outer_overhead_high_ratio")));
    if (record.has("stamped_overhead_ratio"))
        return fmt::format(
            "- {}: events around exchanges {} %{}, stamps of exchanges {} %, of every step {} %, of a pass "
            "without any "
            "(in turn)\n",
            place, percent(record.number("outer_overhead_ratio")), interval,
            percent(record.number("stamped_overhead_ratio")),
            percent(record.number("instrumentation_overhead_ratio")));
    if (record.has("outer_overhead_ratio"))
        return fmt::format(
            "- {}: stamps of exchanges {} %, of every step {} %, of a pass without any (in turn)\n", place,
            percent(record.number("outer_overhead_ratio")),
            percent(record.number("instrumentation_overhead_ratio")));
    if (record.has("instrumentation_overhead_ratio"))
        return fmt::format("- {}: stamps of every step {} % of a pass with stamps of exchanges\n", place,
                           percent(record.number("instrumentation_overhead_ratio")));
    return "";
}

// Of a record that has NAME_ratio with its interval.
std::string say_added(Record const& record, std::string const& name) {
    return fmt::format("{} % ({} to {})", percent(record.number(name + "_ratio")),
                       percent(record.number(name + "_low_ratio")),
                       percent(record.number(name + "_high_ratio")));
}

std::string say_permutation(Record const& record) {
    if (!record.has("permutation_ratio")) return "";
    return fmt::format(
        "- {} {}: what is left of the permutation when counts are known, {} of the dispatches; the weighted "
        "sum, {} of the combines; both ways, {}\n",
        record.text("dataset"), record.text("strategy"), say_added(record, "permutation"),
        say_added(record, "weighted_sum"), say_added(record, "both_ways"));
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
    Table table({"case", "step", "median over iterations of the slowest rank, all layers"});
    std::string overhead, permutation;
    for (auto const& record : trace.cases) {
        auto const* const steps = record.find("steps/duration_s");
        if (steps == nullptr) continue;
        auto const d = to_grid<double, 4>(*steps);
        for (std::size_t s = 0; s < d.extent(2); ++s) {
            std::vector<double> per_iteration(d.extent(0));
            for (std::size_t i = 0; i < d.extent(0); ++i) {
                for (std::size_t l = 0; l < d.extent(1); ++l) {
                    auto const ranks = d.row(i, l, s);
                    per_iteration[i] += *std::max_element(ranks.begin(), ranks.end());
                }
            }
            if (median(per_iteration) <= 0) continue;  // a step that this model or plan does not have
            table.add({record.text("dataset") + " " + record.text("strategy"),
                       record.text(fmt::format("step_{}", s)), show_seconds(median(per_iteration))});
        }
        overhead += say_overhead(record);
        permutation += say_permutation(record);
    }
    if (table.empty()) return "";
    auto const listed = [](char const* title, std::string const& lines) {
        return lines.empty() ? "" : fmt::format("\n{}:\n\n{}", title, lines);
    };
    return "## Inside a layer (mode in_model, a sibling pass with every step stamped)\n\n" +
           table.text(TableStyle::markdown) + listed("What stamps cost, as a share of the pass", overhead) +
           listed("What lies around the exchanges adds to them", permutation) + "\n";
}

}  // namespace moewire::markdown
