#include "report/inside.hpp"

#include <gtest/gtest.h>

namespace moewire {
namespace {

Record record_of(Attributes const& attributes) {
    Record record;
    record.attributes = attributes;
    return record;
}

std::vector<std::string> told(Record const& record) {
    std::vector<std::string> lines;
    for (auto const& one : additions_of(record))
        lines.push_back(one.what + ", " + one.to + (one.interval ? ", interval" : ""));
    return lines;
}

// What "outer" and "instrumentation" were held against changed twice; older traces are still told rightly.
TEST(Inside, AdditionsOfEachGenerationOfTraces) {
    Attributes attributes;
    EXPECT_TRUE(told(record_of(attributes)).empty());

    attributes["instrumentation_overhead_ratio"] = 0.2;
    EXPECT_EQ(told(record_of(attributes)),
              std::vector<std::string>{"stamps of every step, a pass with stamps of exchanges"});

    attributes["outer_overhead_ratio"] = 0.04;
    EXPECT_EQ(told(record_of(attributes)),
              (std::vector<std::string>{"stamps of exchanges, a pass", "stamps of every step, a pass"}));

    attributes["stamped_overhead_ratio"] = 0.05;
    attributes["outer_overhead_low_ratio"] = 0.0;
    attributes["outer_overhead_high_ratio"] = 0.02;
    attributes["permutation_ratio"] = 0.01;
    attributes["permutation_low_ratio"] = 0.0;
    attributes["permutation_high_ratio"] = 0.03;
    auto const all = additions_of(record_of(attributes));
    ASSERT_EQ(all.size(), 4);
    EXPECT_EQ(told(record_of(attributes)),
              (std::vector<std::string>{
                  "events around exchanges, a pass, interval", "stamps of exchanges, a pass",
                  "stamps of every step, a pass",
                  "what is left of the permutation when counts are known, dispatches, interval"}));
    EXPECT_EQ(all[0].ratio, 0.04);
    EXPECT_EQ(all[1].ratio, 0.05);
    EXPECT_EQ(all[3].interval, (std::pair{0.0, 0.03}));
}

TEST(Inside, StepTimesAreOfTheSlowestRankOfEachLayer) {
    Record record;
    EXPECT_TRUE(step_times(record).empty());
    Grid<double, 4> took_s(3, 2, 2, 2);  // [iteration, layer, step, rank]
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t layer = 0; layer < 2; ++layer) {
            took_s(i, layer, 1, 0) = static_cast<double>(i + 1);
            took_s(i, layer, 1, 1) = 10.0 * static_cast<double>(layer);
        }
    }
    record.datasets.push_back(
        make_dataset("steps/duration_s", "s", {"iteration", "layer", "step", "rank"}, took_s));
    record.attributes["step_0"] = std::string("migrate");
    record.attributes["step_1"] = std::string("router");
    auto const times = step_times(record);
    ASSERT_EQ(times.size(), 1);  // nothing migrated
    EXPECT_EQ(times[0].step, "router");
    EXPECT_EQ(times[0].p50_s, 2 + 10);
}

}  // namespace
}  // namespace moewire
