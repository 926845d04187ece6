// Six simpler rules beside the cost models: from the calibration alone, and none where there was none.
#include "report/simple_rules.hpp"

#include <gtest/gtest.h>

#include "report/cases.hpp"
#include "report/findings.hpp"

namespace moewire {
namespace {

using namespace report_cases;

// Uniform exchanges of 1 ms + 1 byte / us, so that 2,000 bytes (two peers of 1,000) take 3 ms.
Trace calibrated_trace(double typical_s) {
    auto one = measured_case("contiguous", typical_s, 0, 1);
    one.datasets.push_back(traffic(1000));
    auto trace = trace_of({one});
    std::vector<double> bytes{1000, 10000, 100000}, times_s;
    for (double const b : bytes) times_s.push_back(1e-3 + b * 1e-6);
    trace.calibration = {"/calibration", {}, {}};
    trace.calibration.datasets = {
        make_dataset("busiest_bytes", "bytes", {"point"}, Grid<double, 1>({3}, bytes)),
        make_dataset("p50_s", "s", {"point"}, Grid<double, 1>({3}, times_s))};
    return trace;
}

std::map<std::string, ModelAccuracy> accuracy(Trace const& trace) {
    std::map<std::string, ModelAccuracy> all;
    for (auto const& a : model_accuracy(group_cases(trace))) all[a.model] = a;
    return all;
}

TEST(SimpleRules, AreScoredBesideTheModels) {
    auto const all = accuracy(calibrated_trace(0.006));
    ASSERT_TRUE(all.contains("single_line"));
    EXPECT_NEAR(all.at("single_line").bias, 0.003 / 0.006 - 1, 1e-6);
    EXPECT_EQ(all.at("single_line").exchanges, 2 * layers);
    // The best rate is that of the largest: 100,000 bytes in 101 ms.
    EXPECT_NEAR(all.at("busbw_rule").bias, 2000 / (1e5 / 0.101) / 0.006 - 1, 1e-6);
    for (auto const* rule :
         {"single_line", "busbw_rule", "astra_constants", "simai_formula", "endpoint_load"}) {
        EXPECT_TRUE(all.at(rule).is_rule) << rule;
        EXPECT_FALSE(all.at(rule).has_interval) << rule;
    }
    EXPECT_FALSE(all.at("line").is_rule);
}

TEST(SimpleRules, NoneWithoutACalibration) {
    auto trace = calibrated_trace(0.006);
    trace.calibration = {};
    for (auto const& [name, one] : accuracy(trace)) EXPECT_FALSE(one.is_rule) << name;
    trace = calibrated_trace(0.006);
    trace.calibration.attributes["frozen"] = std::string("of another version");
    EXPECT_TRUE(uniform_points(trace).empty());
}

TEST(SimpleRules, TheNearestIsNamed) {
    auto const findings = find({calibrated_trace(0.003)});
    auto const found =
        std::find_if(findings.runs[0].answers.begin(), findings.runs[0].answers.end(),
                     [](Sentence const& s) { return s.text.find("simpler rules") != std::string::npos; });
    ASSERT_NE(found, findings.runs[0].answers.end());
    EXPECT_NE(found->text.find("The nearest of 5 simpler rules that knew the same calibration, mode replay: "
                               "`single_line`, within 0 %"),
              std::string::npos)
        << found->text;
}

TEST(SimpleRules, CombineGoesBack) {
    Grid<std::uint64_t, 3> const bytes({1, 2, 2}, {1, 2, 3, 4});
    EXPECT_EQ(bytes_of_exchange(bytes, 0, "dispatch")(0, 1), 2u);
    EXPECT_EQ(bytes_of_exchange(bytes, 0, "combine")(0, 1), 3u);
}

}  // namespace
}  // namespace moewire
