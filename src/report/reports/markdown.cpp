// One Markdown page: the answer, then tables, then pictures.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/registry.hpp"
#include "report/markdown_tables.hpp"
#include "report/report.hpp"
#include "report/timeline_text.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

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

std::string pictures(fs::path const& report_folder, fs::path const& below) {
    std::set<std::string> names;
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(report_folder / below, ignored)) {
        if (entry.path().extension() == ".png") names.insert(entry.path().filename().string());
    }
    std::string text;
    for (auto const& name : names) {
        auto title = fs::path(name).stem().string();
        std::replace(title.begin(), title.end(), '_', ' ');
        text += fmt::format("![{}]({})\n\n", title, (below / name).string());
    }
    return text.empty() ? "" : "## Pictures\n\n" + text;
}

std::string strategies_section(Run const& run) {
    std::string text =
        "\n## Strategies\n\nExchange: dispatch and combine of all layers, the slowest rank of each, from the "
        "last "
        "rank's entry to its own end (waiting for late ranks is apart). Percentiles over iterations by "
        "nearest rank; "
        "cases are interleaved in random order and compared iteration by iteration. Expert weights that a "
        "plan moves "
        "while the text runs are charged to it. A case leads a resample among the strategies of its own "
        "policy and "
        "payload.\n\n";
    for (auto const& group : run.groups) {
        text += fmt::format("### {}, {} (planned on {}), {}\n\n{}\n", group.model, group.dataset,
                            group.plan_dataset, group.mode, markdown::group_table(group));
    }
    return text;
}

std::string page(Run const& run, fs::path const& folder, fs::path const& pictures_below) {
    auto const& trace = run.trace;
    std::string text = fmt::format("# What {} found\n\n", run.name);
    text += synthetic_notes(trace);
    if (run.groups.empty()) text += "This trace holds no case: nothing was measured.\n";
    for (auto const& sentence : run.answers) text += "- " + sentence.text + "\n";
    if (!run.limits.empty()) text += "\nWhat these figures do not show:\n\n";
    for (auto const& limit : run.limits) text += "- " + limit.text + "\n";
    if (!run.groups.empty()) text += strategies_section(run);
    text += markdown::matrix_section(plan_matrices(run.groups));
    if (!run.accuracy.empty()) {
        text +=
            "## Predicted and measured\n\nEvery prediction was written before the first time of its case was "
            "taken. "
            "Error: predicted over measured median, less one, for each layer and direction.\n\n" +
            markdown::accuracy_table(run.accuracy) + "\n";
    }
    text += markdown::steps_section(trace) + timeline_section(trace);
    text += markdown::perplexity_section(trace);
    text += "## The seed study's expectations\n\n" + markdown::expectation_table(run.expectations) + "\n";
    text += pictures(folder, pictures_below);
    return text + "## The run\n\n" + markdown::run_table(trace);
}

// Names come from traces: none may open a tag.
std::string without_tags(std::string const& text) {
    std::string safe;
    for (char const c : text) safe += c == '<' ? std::string("&lt;") : std::string(1, c);
    return safe;
}

fs::path write(Findings const& findings, ReportWriter::Place const& place) {
    std::string text = markdown::baseline_section(findings) + markdown::differences_section(findings);
    for (std::size_t i = 0; i < findings.runs.size(); ++i) {
        text += (text.empty() ? "" : "\n---\n\n") +
                page(findings.runs[i], place.folder, picture_folder(findings, i));
    }
    auto const path = place.folder / "report.md";
    write_file(path, without_tags(text));
    return path;
}

bool const registered = register_in<ReportWriter>(
    "markdown", "One Markdown page: the answer, tables, pictures.", {write, Pictures::shown});

}  // namespace
}  // namespace moewire
