// A small fixed trace, and what the Markdown and CSV reports make of it, word by word. MOEWIRE_WRITE_GOLDEN=1
// writes the files anew, for a look at what changed.
#include <cstdlib>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/registry.hpp"
#include "report/cases.hpp"
#include "report/report.hpp"
#include "support/fixtures.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

using namespace report_cases;

Trace fixed_trace(double eplb_s) {
    std::vector<Record> cases{measured_case("contiguous", 0.010, 0.2, 1),
                              measured_case("contiguous_twin", 0.010, 0.2, 2),
                              measured_case("eplb_pack", eplb_s, 0.2, 3),
                              measured_case("random", 0.0101, 0.3, 4),
                              measured_case("contiguous", 0.02, 0.2, 5, "in_model"),
                              measured_case("eplb_pack", 0.0198, 0.4, 6, "in_model"),
                              unmeasured_case("oracle", "waived", "nothing | to <see>"),
                              unmeasured_case("hierarchical", "failed", "rank 1: out of luck")};
    auto policy = measured_case("contiguous", 0.0085, 0.2, 7);
    policy.path += ".capacity";
    policy.attributes["policy"] = std::string("capacity");
    policy.attributes["rerouted_ratio"] = 0.05;
    policy.attributes["perplexity"] = 11.0;
    cases.push_back(policy);
    for (auto& one : cases) {
        if (!one.has("perplexity")) one.attributes["perplexity"] = 10.0;
        one.datasets.push_back(traffic(one.text("strategy") == "eplb_pack" ? 1000 : 1200));
    }
    auto trace = trace_of(std::move(cases));
    trace.path = "run.h5";
    trace.root.attributes["cores"] = std::int64_t{2};
    trace.root.attributes["git_state"] = std::string("abc123");
    trace.root.attributes["created_utc"] = std::string("2026-01-02T03:04:05Z");
    return trace;
}

void expect_golden(std::filesystem::path const& written, std::string const& name) {
    auto const golden = fixtures() / "report" / name;
    if (std::getenv("MOEWIRE_WRITE_GOLDEN") != nullptr) {
        std::filesystem::create_directories(golden.parent_path());
        write_file(golden, read_file(written));
    }
    EXPECT_EQ(read_file(written), read_file(golden)) << name;
}

TEST(Golden, MarkdownAndCsvOfOneRunAgainstABaseline) {
    Scratch const scratch;
    auto findings = find({fixed_trace(0.008)});
    auto const before = fixed_trace(0.007);
    auto const& run = findings.runs[0];
    findings.baseline_name = "here.csv";
    findings.baseline = judge(figures_of(before, group_cases(before), Quantities::all),
                              figures_of(run.trace, run.groups, Quantities::all), run.trace, {});
    for (auto const* format : {"markdown", "csv"})
        Registry<ReportWriter>::instance().at(format).value.write(findings, {scratch.path(), {}});
    for (auto const* name : {"report.md", "cases.csv", "exchanges.csv", "baseline_changes.csv"})
        expect_golden(scratch.path() / name, std::string("one_") + name);
}

TEST(Golden, MarkdownAndCsvOfTwoRuns) {
    Scratch const scratch;
    auto second = fixed_trace(0.009);
    second.path = "later/run.h5";
    second.root.attributes["git_state"] = std::string("def456");
    auto const findings = find({fixed_trace(0.008), second});
    for (auto const* format : {"markdown", "csv"})
        Registry<ReportWriter>::instance().at(format).value.write(findings, {scratch.path(), {}});
    expect_golden(scratch.path() / "differences.csv", "two_differences.csv");
    auto const text = read_file(scratch.path() / "report.md");
    write_file(scratch.path() / "head.md", text.substr(0, text.find("\n---\n")));
    expect_golden(scratch.path() / "head.md", "two_report_head.md");
}

}  // namespace
}  // namespace moewire
