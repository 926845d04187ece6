// From traces to everything a report says: runs side by side, expectations, what binds, what imbalance costs.
#include "report/findings.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "report/cases.hpp"
#include "report/slope.hpp"
#include "report/telling.hpp"

namespace moewire {
namespace {

using namespace report_cases;

Expectation expectation(Trace const& trace, std::string const& beginning) {
    for (auto& row : seed_expectations(trace, group_cases(trace))) {
        if (row.expected.starts_with(beginning)) return row;
    }
    ADD_FAILURE() << beginning;
    return {};
}

TEST(Slope, OfAKnownLine) {
    std::vector<ImbalancePoint> points;
    for (int i = 0; i < 30; ++i)
        points.push_back({1 + 0.05 * i, 2.0 + 3.0 * 0.05 * i + (i % 2 == 0 ? 0.02 : -0.02)});
    auto const line = fit_imbalance(points);
    ASSERT_TRUE(line);
    EXPECT_NEAR(line->slope.value, 3, 0.05);
    EXPECT_NEAR(line->at_even, 2, 0.05);
    EXPECT_LT(line->slope.low, 3.0);
    EXPECT_GT(line->slope.high, 3.0);
    EXPECT_LT(line->slope.high - line->slope.low, 0.2);
}

TEST(Slope, NoneWithoutSpreadOrPoints) {
    EXPECT_FALSE(fit_imbalance({{1, 2}, {2, 3}}));
    EXPECT_FALSE(fit_imbalance({{1.2, 2}, {1.2, 3}, {1.2, 1}, {1.2, 4}, {1.2, 2}}));
}

TEST(Binding, TheSlowestRankIsNamedWithItsShare) {
    auto const groups = group_cases(trace_of({measured_case("contiguous", 0.01, 0.1, 1)}));
    auto const& binding = groups[0].cases[0].binding;
    EXPECT_EQ(binding.rank, 1u);
    EXPECT_EQ(binding.share, 1);
    auto const said = say_binding(groups);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_NE(said[0].text.find("rank 1 ends last in 100 % of the exchanges (an even share is 33 %)"),
              std::string::npos)
        << said[0].text;
}

// Rank 1 enters `behind_s` after rank 0, which enters `behind_s` after rank 2, but for every tenth dispatch,
// to which rank 0 comes last.
Record late_case(double behind_s, std::string const& delay = "") {
    auto record = measured_case("contiguous", 0.01, 0.1, 1);
    if (!delay.empty()) record.attributes["delay"] = delay;
    for (std::string const direction : {"dispatch", "combine"}) {
        Grid<double, 3> wait(iterations, layers, ranks);
        for (std::size_t i = 0; i < iterations; ++i) {
            bool const is_other = direction == "dispatch" && i % 10 == 0;
            for (std::size_t l = 0; l < layers; ++l) {
                wait(i, l, is_other ? 1 : 0) = behind_s;
                wait(i, l, 2) = 2 * behind_s;
            }
        }
        auto const name = "measured/" + direction + "_wait_s";
        std::erase_if(record.datasets, [&](Dataset const& d) { return d.name == name; });
        record.datasets.push_back(make_dataset(name, "s", {"iteration", "layer", "rank"}, wait));
    }
    return record;
}

TEST(Late, TheRankThatOthersWaitForIsNamedWhereItMatters) {
    auto const groups = group_cases(trace_of({late_case(0.002)}));
    auto const& lateness = groups[0].cases[0].lateness;
    EXPECT_EQ(lateness.rank, 1u);
    EXPECT_DOUBLE_EQ(lateness.share, 0.95);
    EXPECT_DOUBLE_EQ(lateness.behind_s, 0.002);
    EXPECT_FALSE(lateness.made);
    auto const said = say_late(groups);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_NE(said[0].text.find("rank 1 comes last to 95 % of the exchanges, 2 ms after the one before it"),
              std::string::npos)
        << said[0].text;
    // A tenth of an exchange of 10 ms is not much.
    EXPECT_TRUE(say_late(group_cases(trace_of({late_case(0.0009)}))).empty());
    // Nobody is late where all come at once.
    EXPECT_TRUE(say_late(group_cases(trace_of({measured_case("contiguous", 0.01, 0.1, 1)}))).empty());
}

TEST(Late, WhoWasMadeLateIsAlwaysTold) {
    auto const said = say_late(group_cases(trace_of({late_case(0.00025, "1:250")})));
    ASSERT_EQ(said.size(), 1u);
    EXPECT_NE(
        said[0].text.find("250 us after the one before it at the median; rank 1 was made 250 us late on "
                          "purpose."),
        std::string::npos)
        << said[0].text;
    auto in_model = late_case(0.00025, "1:250");  // which is never delayed
    in_model.attributes["mode"] = std::string("in_model");
    EXPECT_TRUE(say_late(group_cases(trace_of({in_model}))).empty());
}

TEST(Headline, CountsAndNamesTheLargestGain) {
    auto const won = say_headline(group_cases(
        trace_of({measured_case("contiguous", 0.01, 0, 1), measured_case("eplb_pack", 0.008, 0, 2),
                  measured_case("contiguous", 0.01, 0, 3, "in_model"),
                  measured_case("eplb_pack", 0.009, 0, 4, "in_model")})));
    EXPECT_NE(won.text.find("In 2 of 2"), std::string::npos) << won.text;
    EXPECT_NE(won.text.find("mode replay): 20.0 % faster"), std::string::npos) << won.text;
    EXPECT_TRUE(say_headline({}).text.empty());
}

TEST(Important, ThreeSentencesAndTheFirstIsTheAnswer) {
    auto trace =
        trace_of({measured_case("contiguous", 0.01, 0.1, 1), measured_case("eplb_pack", 0.008, 0.1, 2)});
    trace.root.attributes["cores"] = std::int64_t{1};
    auto const findings = find({trace});
    auto const chosen = most_important(findings.runs[0]);
    ASSERT_EQ(chosen.size(), 3u);
    EXPECT_EQ(chosen[0].topic, "headline");
    EXPECT_EQ(chosen[1].topic, "prediction");
    EXPECT_EQ(chosen[2].topic, "limit");
}

TEST(Facts, EveryOneIsInItsSentence) {
    auto const findings =
        find({trace_of({measured_case("contiguous", 0.01, 0.3, 1), measured_case("random", 0.0099, 0.3, 2),
                        measured_case("eplb_pack", 0.008, 0.1, 3)})});
    std::size_t facts = 0;
    for (auto const& list : {findings.runs[0].answers, findings.runs[0].limits}) {
        for (auto const& sentence : list) {
            for (auto const& fact : sentence.facts) {
                ++facts;
                EXPECT_NE(sentence.text.find(fact.shown), std::string::npos)
                    << sentence.text << " lacks " << fact.shown;
            }
        }
    }
    EXPECT_GT(facts, 15u);
}

TEST(Runs, NamesTellThemApart) {
    std::vector<Trace> traces(3);
    traces[0].path = "monday/run.h5", traces[1].path = "tuesday/run.h5", traces[2].path = "other.h5";
    EXPECT_EQ(run_names(traces), (std::vector<std::string>{"monday/run.h5", "tuesday/run.h5", "other.h5"}));
    traces[1].path = "monday/run.h5";
    auto const same = run_names(traces);
    EXPECT_NE(same[0], same[1]);
}

TEST(Runs, WhatTheyWereMadeWithIsCompared) {
    auto a = trace_of({measured_case("contiguous", 0.01, 0.1, 1)}),
         b = trace_of({measured_case("contiguous", 0.02, 0.1, 2)});
    a.root.attributes["nccl_version"] = std::string("2.28.9"),
    b.root.attributes["nccl_version"] = std::string("2.29.1");
    a.root.attributes["environment"] =
        std::string(R"({"NCCL_ALGO":"Ring","NCCL_DEBUG_FILE":"/tmp/1.log","X":"1"})");
    b.root.attributes["environment"] = std::string(R"({"NCCL_DEBUG_FILE":"/tmp/2.log","X":"1"})");
    a.root.attributes["options"] = std::string("model=\"m\"\ntokens_per_rank=32\noutput=\"a.h5\"\n");
    b.root.attributes["options"] = std::string("model=\"m\"\ntokens_per_rank=64\noutput=\"b.h5\"\n");
    a.root.attributes["gpus"] = std::string(R"([{"sm_clock_mhz":1980}])");
    b.root.attributes["gpus"] = std::string(R"([{"sm_clock_mhz":1200}])");
    std::map<std::string, std::vector<std::string>> rows;
    for (auto const& row : provenance_differences({a, b})) rows[row.what] = row.values;
    EXPECT_EQ(rows["nccl_version"], (std::vector<std::string>{"2.28.9", "2.29.1"}));
    EXPECT_EQ(rows["environment NCCL_ALGO"], (std::vector<std::string>{"Ring", "-"}));
    EXPECT_EQ(rows["gpu of rank 0, sm_clock_mhz"], (std::vector<std::string>{"1980", "1200"}));
    EXPECT_FALSE(rows.contains("environment X"));
    EXPECT_EQ(rows["option tokens_per_rank"], (std::vector<std::string>{"32", "64"}));
    for (auto const* silent : {"option model", "option output", "options", "environment NCCL_DEBUG_FILE"})
        EXPECT_FALSE(rows.contains(silent)) << silent;
    EXPECT_FALSE(rows.contains("ranks"));
    auto const findings = find({a, b});
    ASSERT_EQ(findings.differences.size(), 1u);
    EXPECT_NEAR(findings.differences[0].time.ratio.value, 2, 0.1);
    EXPECT_EQ(findings.differences[0].time.verdict, Verdict::slower);
}

TEST(Runs, EqualSamplesAreNoDifference) {
    auto const a = trace_of({measured_case("contiguous", 0.01, 0.3, 1)}),
               b = trace_of({measured_case("contiguous", 0.01, 0.3, 9)});
    EXPECT_EQ(find({a, b}).differences.at(0).time.verdict, Verdict::cannot_tell);
    EXPECT_EQ(compare_unpaired({1, 1, 1}, {2, 2, 2}).verdict, Verdict::cannot_tell);  // too few
}

TEST(Expectations, WhatDidNotRunSaysSo) {
    auto const trace =
        trace_of({measured_case("contiguous", 0.01, 0.1, 1), measured_case("eplb_pack", 0.0075, 0.1, 2)});
    EXPECT_EQ(expectation(trace, "Balanced assignment: perplexity").verdict, "not run");
    EXPECT_NE(expectation(trace, "Fine-tuning lowers").found.find("`moewire finetune`"), std::string::npos);
    EXPECT_EQ(expectation(trace, "Balanced assignment cuts").verdict, "confirmed");
    EXPECT_EQ(expectation(trace_of({}), "Balanced assignment cuts").verdict, "not run");
}

TEST(Expectations, OtherCommandsFiguresComeFromTheModel) {
    auto trace = trace_of({});
    Record model{place::model("m"), {{"name", std::string("m")}}, {}};
    auto const rise = [&](std::string const& what, double value, double low, double high) {
        model.attributes[what + "percent"] = value;
        model.attributes[what + "low_percent"] = low;
        model.attributes[what + "high_percent"] = high;
    };
    rise("policy.a.random.perplexity_rise_", 17, 16, 18);
    rise("policy.b.random.perplexity_rise_", 19, 18, 19.5);
    rise("policy.a.balanced.perplexity_rise_", 30, 28, 33);
    rise("seed_study.time_rise_", 71, 60, 80);
    trace.models = {model};
    auto const random = expectation(trace, "Random assignment");
    EXPECT_EQ(random.verdict, "confirmed");
    EXPECT_EQ(random.found, "+17.0 to +19.0 % over 2 texts");
    EXPECT_EQ(random.interval, "+16.0 to +19.5 %");
    EXPECT_EQ(expectation(trace, "Balanced assignment: perplexity").verdict, "not found");
    EXPECT_EQ(expectation(trace, "Simulated").verdict, "confirmed");
}

}  // namespace
}  // namespace moewire
