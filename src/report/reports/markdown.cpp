// One Markdown page: the answer, then tables, then pictures.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/registry.hpp"
#include "base/show.hpp"
#include "report/ranking.hpp"
#include "report/report.hpp"
#include "report/sentences.hpp"
#include "report/summary.hpp"
#include "report/timeline_text.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

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

std::string matrix_tables(std::vector<PlanMatrix> const& matrices) {
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
        table.add({a.mode, a.model, std::to_string(a.exchanges), fmt::format("{:.1f}", 100 * a.median_error),
                   fmt::format("{:.1f}", 100 * a.p95_error), percent(a.bias),
                   a.has_interval ? fmt::format("{:.0f}", 100 * a.coverage) : "-"});
    }
    return table.text(TableStyle::markdown);
}

std::string perplexity_table(Trace const& trace) {
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

// Never without this line: nobody shall take such a model's routing for a real one's.
std::string synthetic_notes(Trace const& trace) {
    std::string text;
    for (auto const& model : trace.models) {
        if (!model.has("synthetic") || model.integer("synthetic") == 0) continue;
        text += fmt::format(
            "**{} is synthetic**: the geometry is published, the weights are made up. Volumes "
            "and times are real, its routing and output are not any trained model's.\n\n",
            model.text("name"));
    }
    return text;
}

std::string run_table(Trace const& trace) {
    Table table({"what", "value"});
    for (auto const* key : {"command_line", "program_version", "git_state", "created_utc", "host", "cpu",
                            "cores", "ranks", "nodes", "mpi_version", "torch_version", "hdf5_version",
                            "machine", "clock_method", "clock_bound_s"}) {
        if (trace.root.has(key)) table.add({key, to_text(trace.root.attributes.at(key))});
    }
    return table.text(TableStyle::markdown);
}

std::string steps_table(Trace const& trace) {
    Table table({"case", "step", "median over iterations of the slowest rank, all layers"});
    std::string overhead;
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
        if (!record.has("outer_overhead_ratio")) continue;
        overhead +=
            fmt::format("- {} {}: stamps of exchanges {} %, of every step {} %\n", record.text("dataset"),
                        record.text("strategy"), percent(record.number("outer_overhead_ratio")),
                        percent(record.number("instrumentation_overhead_ratio")));
    }
    if (table.empty()) return "";
    return "## Inside a layer (mode in_model, a sibling pass with every step stamped)\n\n" +
           table.text(TableStyle::markdown) +
           "\nWhat stamps cost, as a share of a pass without any (measured in turn, on the first case of a "
           "group):\n\n" +
           overhead + "\n";
}

std::string pictures(fs::path const& folder) {
    std::set<std::string> names;
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(folder / "plots", ignored)) {
        if (entry.path().extension() == ".png") names.insert(entry.path().filename().string());
    }
    std::string text;
    for (auto const& name : names) {
        auto title = fs::path(name).stem().string();
        std::replace(title.begin(), title.end(), '_', ' ');
        text += fmt::format("![{}](plots/{})\n\n", title, name);
    }
    return text.empty() ? "" : "## Pictures\n\n" + text;
}

std::string page(Trace const& trace, fs::path const& folder) {
    auto const groups = group_cases(trace);
    auto const accuracy = model_accuracy(groups);
    std::string text = fmt::format("# What {} found\n\n", trace.path.filename().string());
    text += synthetic_notes(trace);
    for (auto const& sentence : say_answers(groups)) text += "- " + sentence + "\n";
    if (auto const sentence = say_accuracy(accuracy); !sentence.empty()) text += "- " + sentence + "\n";
    auto const limits = say_limits(trace, groups);
    if (!limits.empty()) text += "\nWhat these figures do not show:\n\n";
    for (auto const& limit : limits) text += "- " + limit + "\n";

    text +=
        "\n## Strategies\n\nExchange: dispatch and combine of all layers, the slowest rank of each, from the "
        "last rank's "
        "entry to its own end (waiting for late ranks is apart). Percentiles over iterations by nearest "
        "rank; cases "
        "are interleaved in random order and compared iteration by iteration. Expert weights that a plan "
        "moves "
        "while the text runs are charged to it. A case leads a resample among the strategies of its own "
        "policy "
        "and payload.\n\n";
    for (auto const& group : groups) {
        text += fmt::format("### {}, {} (planned on {}), {}\n\n{}\n", group.model, group.dataset,
                            group.plan_dataset, group.mode, group_table(group));
    }
    text += matrix_tables(plan_matrices(groups));
    if (!accuracy.empty()) {
        text +=
            "## Predicted and measured\n\nEvery prediction was written before the first time of its case was "
            "taken. Error: "
            "predicted over measured median, less one, for each layer and direction.\n\n" +
            accuracy_table(accuracy) + "\n";
    }
    text += steps_table(trace) + timeline_section(trace);
    text += perplexity_table(trace);
    Table expectations({"the seed study expects", "found here", "verdict"});
    for (auto const& row : seed_expectations(trace, groups)) expectations.add(row);
    if (!expectations.empty())
        text += "## The seed study's expectations\n\n" + expectations.text(TableStyle::markdown) + "\n";
    text += pictures(folder);
    return text + "## The run\n\n" + run_table(trace);
}

fs::path write(std::vector<Trace> const& traces, fs::path const& folder) {
    std::string text;
    for (auto const& trace : traces) text += (text.empty() ? "" : "\n---\n\n") + page(trace, folder);
    auto const path = folder / "report.md";
    write_file(path, text);
    return path;
}

bool const registered =
    register_in<ReportWriter>("markdown", "One Markdown page: the answer, tables, pictures.", {write});

}  // namespace
}  // namespace moewire
