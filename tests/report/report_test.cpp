// From samples with a known truth to the sentence that a reader sees.
#include <gtest/gtest.h>

#include "report/cases.hpp"
#include "report/ranking.hpp"
#include "report/sentences.hpp"
#include "report/summary.hpp"

namespace moewire {
namespace {

using namespace report_cases;

std::string only_answer(std::vector<Record> cases) {
    auto const answers = say_answers(group_cases(trace_of(std::move(cases))));
    EXPECT_EQ(answers.size(), 1);
    return answers.empty() ? "" : answers[0].text;
}

TEST(Summary, TheSlowestRankOfEveryLayerAndDirectionCounts) {
    auto const summary = summarise(measured_case("contiguous", 0.01, 0, 1));
    ASSERT_EQ(summary.exchange_s.size(), iterations);
    EXPECT_NEAR(summary.p50.value, 2 * layers * 0.01, 1e-12);
    EXPECT_NEAR(summary.bound_s, 2 * layers * 0.001, 1e-12);
    EXPECT_NEAR(summary.least_rank_p50_s, 2 * layers * 0.005, 1e-12);
}

TEST(Summary, PredictionsAreScoredByTheirSignedErrorAndInterval) {
    auto const accuracy = model_accuracy(group_cases(trace_of({measured_case("contiguous", 0.01, 0, 1)})));
    auto const line =
        std::find_if(accuracy.begin(), accuracy.end(), [](auto const& a) { return a.model == "line"; });
    ASSERT_NE(line, accuracy.end());
    EXPECT_EQ(line->exchanges, 2 * layers);
    EXPECT_NEAR(line->bias, 0.1, 1e-9);
    EXPECT_NEAR(line->median_error, 0.1, 1e-9);
    EXPECT_EQ(line->coverage, 1);
}

TEST(Comparison, RatiosArePairedByIteration) {
    std::vector<double> slow, fast;
    for (int i = 1; i <= 30; ++i) slow.push_back(i), fast.push_back(0.8 * i);
    auto const faster = compare(fast, slow);
    EXPECT_EQ(faster.verdict, Verdict::faster);
    EXPECT_NEAR(faster.ratio.value, 0.8, 1e-12);
    EXPECT_EQ(say_comparison(faster), "20.0 % faster (95 %: 20.0 to 20.0 %)");
    EXPECT_EQ(say_comparison(compare(slow, fast)), "25.0 % slower (95 %: 25.0 to 25.0 %)");
}

TEST(Comparison, FewSamplesNeverDecide) {
    EXPECT_EQ(compare({1, 1, 1}, {2, 2, 2}).verdict, Verdict::cannot_tell);
    EXPECT_NE(say_comparison(compare({1, 1, 1}, {2, 2, 2})).find("n too small"), std::string::npos);
}

TEST(Answer, NamesTheFastestWithItsGain) {
    auto const answer =
        only_answer({measured_case("contiguous", 0.010, 0.1, 1), measured_case("eplb_pack", 0.007, 0.1, 2),
                     measured_case("random", 0.009, 0.1, 3)});
    EXPECT_NE(answer.find("**eplb_pack is the fastest placement**"), std::string::npos) << answer;
    EXPECT_NE(answer.find("over 40 paired iterations"), std::string::npos) << answer;
}

TEST(Answer, SaysWhenNothingBeatsTheBaseline) {
    auto const answer =
        only_answer({measured_case("contiguous", 0.007, 0.1, 1), measured_case("random", 0.010, 0.1, 2)});
    EXPECT_NE(answer.find("no placement beats `contiguous`"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("fastest placement"), std::string::npos) << answer;
}

TEST(Answer, DoesNotTakeNoiseForAGain) {
    auto const answer =
        only_answer({measured_case("contiguous", 0.010, 1.5, 1), measured_case("random", 0.010, 1.5, 2)});
    EXPECT_EQ(answer.find("fastest placement"), std::string::npos) << answer;
}

// The least median may be a lucky one, while another placement is clearly faster.
TEST(Answer, PrefersAClearGainToALuckyMedian) {
    auto lucky = measured_case("random", 0.0080, 0, 2);
    for (auto& dataset : lucky.datasets) {
        if (!dataset.name.ends_with("_transfer_s")) continue;
        auto& values = std::get<std::vector<double>>(dataset.values);
        for (std::size_t i = 0; i < values.size() * 19 / 40; ++i) values[i] = 0.05;
    }
    auto const answer = only_answer(
        {measured_case("contiguous", 0.010, 0, 1), measured_case("eplb_pack", 0.009, 0, 3), lucky});
    EXPECT_NE(answer.find("**eplb_pack is the fastest placement**"), std::string::npos) << answer;
}

TEST(Answer, WithoutBaselineNothingIsCompared) {
    auto const answer = only_answer({measured_case("random", 0.01, 0.1, 1)});
    EXPECT_NE(answer.find("no baseline"), std::string::npos) << answer;
}

TEST(Answer, ReplayComesBeforeInModel) {
    auto const answers = say_answers(group_cases(trace_of(
        {measured_case("contiguous", 0.01, 0, 1, "in_model"), measured_case("contiguous", 0.01, 0, 1)})));
    ASSERT_EQ(answers.size(), 2);
    EXPECT_NE(answers[0].text.find("mode replay"), std::string::npos);
}

TEST(Limits, OversubscribedRanksAndUnmeasuredCasesAreNamed) {
    auto waived = measured_case("random", 0.01, 0, 1);
    waived.attributes["status"] = std::string(status::waived);
    waived.attributes["reason"] = std::string("nine lives");
    auto trace = trace_of({measured_case("contiguous", 0.01, 0, 1), waived});
    trace.root.attributes["cores"] = std::int64_t{2};
    std::string all;
    for (auto const& limit : say_limits(trace, group_cases(trace))) all += limit.text + "\n";
    EXPECT_NE(all.find("3 ranks shared 2 cores"), std::string::npos) << all;
    EXPECT_NE(all.find("waived: nine lives"), std::string::npos) << all;
    EXPECT_NE(all.find("p99 rests on 40 iterations"), std::string::npos) << all;
}

TEST(Answer, MovedWeightsAreChargedAndBoundsNeverWin) {
    auto moving = measured_case("load_aware", 0.005, 0, 2);
    moving.datasets.push_back(make_dataset(
        "measured/migration_transfer_s", "s", {"iteration", "layer", "rank"},
        Grid<double, 3>({iterations, layers, ranks}, std::vector(iterations * layers * ranks, 0.02))));
    EXPECT_NEAR(summarise(moving).p50.value, 4 * 0.005 + 2 * 0.02, 1e-12);
    auto bound = measured_case("oracle", 0.001, 0, 3);
    bound.attributes["standing"] = std::string("bound");
    auto const answers =
        say_answers(group_cases(trace_of({measured_case("contiguous", 0.01, 0.1, 1), moving, bound})));
    ASSERT_EQ(answers.size(), 2);
    EXPECT_NE(answers[0].text.find("no placement beats `contiguous`"), std::string::npos) << answers[0].text;
    EXPECT_NE(answers[1].text.find("the bound oracle"), std::string::npos) << answers[1].text;
}

TEST(Answer, PoliciesComeWithTheirPriceAndPayloadsWithTheirBytes) {
    auto plain = measured_case("contiguous", 0.01, 0, 1), dropping = measured_case("contiguous", 0.008, 0, 2),
         once = measured_case("contiguous", 0.009, 0, 3);
    plain.attributes["perplexity"] = 10.0;
    dropping.attributes["perplexity"] = 11.0;
    dropping.attributes["policy"] = std::string("capacity");
    dropping.attributes["policy_scope"] = std::string("whole_batch");
    dropping.attributes["rerouted_ratio"] = 0.05;
    once.attributes["payload"] = std::string("per_rank");
    auto const bytes = [](std::uint64_t each) {
        return make_dataset(
            "traffic_bytes", "bytes", {"layer", "source_rank", "destination_rank"},
            Grid<std::uint64_t, 3>({layers, ranks, ranks}, std::vector(layers * ranks * ranks, each)));
    };
    plain.datasets.push_back(bytes(100));
    once.datasets.push_back(bytes(75));
    auto const answers = say_answers(group_cases(trace_of({plain, dropping, once})));
    ASSERT_EQ(answers.size(), 3);
    EXPECT_NE(answers[0].text.find("no placement beats"), std::string::npos) << answers[0].text;
    EXPECT_NE(answers[1].text.find("11.0000 instead of 10.0000 (+10.0 %)"), std::string::npos)
        << answers[1].text;
    EXPECT_NE(answers[1].text.find("not causal"), std::string::npos) << answers[1].text;
    EXPECT_NE(answers[2].text.find("25.0 % less"), std::string::npos) << answers[2].text;
}

TEST(Answer, EqualTwinsShowTheNoise) {
    auto const answers = say_answers(group_cases(trace_of(
        {measured_case("contiguous", 0.01, 0.3, 1), measured_case("contiguous_twin", 0.01, 0.3, 2)})));
    ASSERT_EQ(answers.size(), 2);
    EXPECT_NE(answers[1].text.find("holds no difference, as it should"), std::string::npos)
        << answers[1].text;
}

TEST(Answer, ATwinNeverWins) {
    auto const answers = say_answers(group_cases(
        trace_of({measured_case("contiguous", 0.01, 0, 1), measured_case("contiguous_twin", 0.008, 0, 2)})));
    EXPECT_NE(answers[0].text.find("no placement beats `contiguous`"), std::string::npos) << answers[0].text;
    EXPECT_NE(answers[1].text.find("does not"), std::string::npos) << answers[1].text;
}

TEST(Ranking, ChancesSumToOneAndFollowTheSamples) {
    auto const groups = group_cases(
        trace_of({measured_case("contiguous", 0.010, 0.2, 1), measured_case("eplb_pack", 0.007, 0.2, 2),
                  measured_case("random", 0.00701, 0.2, 3)}));
    double total = 0;
    std::map<std::string, double> chance;
    for (auto const& one : groups.front().cases) total += chance[one.strategy] = one.chance_of_fastest;
    EXPECT_NEAR(total, 1, 1e-9);
    EXPECT_EQ(chance["contiguous"], 0);
    EXPECT_GT(std::min(chance["eplb_pack"], chance["random"]), 0.005);
}

TEST(PlanMatrix, HasEveryPlanTextByTestText) {
    std::vector<Record> cases;
    for (std::string const plan : {"a", "b"}) {
        for (std::string const test : {"a", "b"}) {
            for (std::string const strategy : {"contiguous", "eplb_pack"}) {
                bool const gains = strategy == "eplb_pack" && plan == test;
                auto one = measured_case(strategy, gains ? 0.008 : 0.010, 0, 1);
                one.attributes["plan_dataset"] = plan;
                one.attributes["dataset"] = test;
                one.path += plan + test;
                cases.push_back(std::move(one));
            }
        }
    }
    auto const matrices = plan_matrices(group_cases(trace_of(cases)));
    ASSERT_EQ(matrices.size(), 1);
    EXPECT_EQ(matrices[0].strategy, "eplb_pack");
    for (std::size_t p = 0; p < 2; ++p) {
        for (std::size_t t = 0; t < 2; ++t)
            EXPECT_NEAR(matrices[0].cells[p][t].against_contiguous.ratio.value, p == t ? 0.8 : 1, 1e-9);
    }
}

}  // namespace
}  // namespace moewire
