// Planted changes: a tenth is seen, a hundredth within the noise is not, and nothing that is gone passes.
#include "report/baseline.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "report/cases.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

using namespace report_cases;

constexpr double noise = 0.1;  // of one exchange, uniform

Trace run_of(double eplb_s, std::uint64_t seed) {
    std::vector<Record> cases{measured_case("contiguous", 0.010, noise, seed),
                              measured_case("eplb_pack", eplb_s, noise, seed + 1)};
    for (auto& one : cases) one.attributes["tokens_per_rank"] = one.attributes["ranks"] = std::int64_t{3};
    return trace_of(std::move(cases));
}

std::vector<Figure> figures(Trace const& trace, Quantities which = Quantities::all) {
    return figures_of(trace, group_cases(trace), which);
}

Change change_of(std::vector<BaselineRow> const& rows, std::string const& strategy,
                 std::string const& quantity) {
    for (auto const& row : rows) {
        if (row.kept.key.ends_with(strategy) && row.kept.quantity == quantity) return row.change;
    }
    ADD_FAILURE() << "no row " << strategy << " " << quantity;
    return Change::missing;
}

TEST(Baseline, ATenthIsFlaggedAHundredthIsNot) {
    auto const kept = figures(run_of(0.008, 1));
    auto const slower = run_of(0.0088, 11), barely = run_of(0.00808, 21), faster = run_of(0.0072, 31);
    auto const judged = [&](Trace const& trace) { return judge(kept, figures(trace), trace, {}); };
    EXPECT_EQ(change_of(judged(slower), "eplb_pack", quantity::exchange_s), Change::worse);
    EXPECT_EQ(change_of(judged(slower), "eplb_pack", quantity::exchange_ratio), Change::worse);
    EXPECT_EQ(change_of(judged(slower), "contiguous", quantity::exchange_s), Change::same);
    EXPECT_EQ(change_of(judged(barely), "eplb_pack", quantity::exchange_s), Change::same);
    EXPECT_EQ(change_of(judged(barely), "eplb_pack", quantity::exchange_ratio), Change::same);
    EXPECT_EQ(count_failures(judged(barely)), 0u);
    EXPECT_EQ(change_of(judged(faster), "eplb_pack", quantity::exchange_s), Change::better);
}

TEST(Baseline, EachQuantityHasItsTolerance) {
    auto const kept = figures(run_of(0.008, 1));
    auto slower = run_of(0.0088, 11);
    for (auto& dataset : slower.cases[1].datasets) {
        if (dataset.name != "measured/iteration_host_s") continue;
        for (auto& value : std::get<std::vector<double>>(dataset.values)) value = 1.2;
    }
    auto const rows = judge(kept, figures(slower), slower, {0.3, 0.05});
    EXPECT_EQ(change_of(rows, "eplb_pack", quantity::exchange_s), Change::same);
    EXPECT_EQ(change_of(rows, "eplb_pack", quantity::tokens_per_s), Change::worse);
    EXPECT_EQ(
        change_of(judge(kept, figures(slower), slower, {0.05, 0.3}), "eplb_pack", quantity::tokens_per_s),
        Change::same);
}

TEST(Baseline, WideNoiseDecidesNothing) {
    auto const kept = figures(run_of(0.008, 1));
    auto noisy =
        trace_of({measured_case("contiguous", 0.010, noise, 5), measured_case("eplb_pack", 0.0088, 1.6, 6)});
    EXPECT_EQ(change_of(judge(kept, figures(noisy), noisy, {}), "eplb_pack", quantity::exchange_s),
              Change::cannot_tell);
}

TEST(Baseline, AMissingCaseFailsAndSaysWhy) {
    auto const kept = figures(run_of(0.008, 1));
    auto gone = run_of(0.008, 1);
    gone.cases.pop_back();
    auto const rows = judge(kept, figures(gone), gone, {});
    EXPECT_EQ(change_of(rows, "eplb_pack", quantity::exchange_s), Change::missing);
    EXPECT_EQ(count_failures(rows), 4u);  // time, tokens, and the ratio of either
    auto failed = trace_of(
        {measured_case("contiguous", 0.010, noise, 1), unmeasured_case("eplb_pack", "failed", "no luck")});
    bool is_told = false;
    for (auto const& row : judge(kept, figures(failed), failed, {}))
        is_told = is_told || row.why == "failed: no luck";
    EXPECT_TRUE(is_told);
}

TEST(Baseline, FilesComeBackAsTheyWere) {
    Scratch const scratch;
    auto const trace = run_of(0.008, 1);
    auto const path = scratch.path() / "here.csv";
    write_file(path, baseline_text(trace, figures(trace)));
    auto const back = read_baseline(path);
    auto const rows = judge(back, figures(trace), trace, {});
    EXPECT_EQ(rows.size(), figures(trace).size());
    EXPECT_EQ(count_failures(rows), 0u);
    for (auto const& row : rows) EXPECT_NEAR(row.cost, 1, 1e-5) << row.kept.quantity;
}

TEST(Baseline, RatiosHoldNoTime) {
    for (auto const& figure : figures(run_of(0.008, 1), Quantities::ratios))
        EXPECT_NE(figure.quantity.find("over_contiguous"), std::string::npos);
    EXPECT_THROW(quantities_of("some"), Error);
}

TEST(Baseline, BadFilesAreRefused) {
    Scratch const scratch;
    auto const path = scratch.path() / "bad.csv";
    std::string const header = "case,quantity,value,low,high,samples\n";
    for (auto const& text : {std::string(), std::string("a,b\n1,2\n"), header,
                             header + "k,exchange_p50_s,1,1\n", header + "k,speed,1,1,1,4\n",
                             header + "k,exchange_p50_s,x,1,1,4\n", header + "k,exchange_p50_s,-1,1,1,4\n"}) {
        write_file(path, text);
        EXPECT_THROW(read_baseline(path), Error) << text;
    }
    auto const nothing = trace_of({unmeasured_case("contiguous", "waived", "no")});
    EXPECT_THROW(baseline_text(nothing, figures(nothing)), Error);
}

}  // namespace
}  // namespace moewire
