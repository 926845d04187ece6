// One pass with edges that are known, from the record to shares and events.
#include <map>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "report/chrome_trace.hpp"
#include "report/timeline_text.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

constexpr std::size_t ranks = 2, layers = 2;
std::vector<std::string> const steps{"attention", "dispatch", "experts", "combine", "migrate"};

// Both layers alike, 10 s each. Rank 0 enters the dispatch at 1, rank 1 at 2; rank 0 leaves at 4, rank 1 at
// 5; both are done with their experts at 6 and 8, and combine until 9. Nothing migrates. The pass ends at 20.
Record pass_record(double faster = 1) {
    Grid<double, 4> start_s(3, layers, steps.size(), ranks), end_s = start_s;
    for (std::size_t pass = 0; pass < 3; ++pass) {
        for (std::size_t l = 0; l < layers; ++l) {
            double const edges[ranks][5] = {{0.5, 1, 4, 6, 9}, {0.5, 2, 5, 8, 9}};
            for (std::size_t r = 0; r < ranks; ++r) {
                for (std::size_t s = 0; s < 4; ++s) {
                    start_s(pass, l, s, r) = 10 * static_cast<double>(l) + edges[r][s];
                    end_s(pass, l, s, r) = 10 * static_cast<double>(l) + edges[r][s + 1];
                }
            }
        }
    }
    Record record{place::case_of("a.in_model"), {{"mode", std::string("in_model")}}, {}};
    record.attributes["status"] = std::string(status::ok);
    for (std::size_t s = 0; s < steps.size(); ++s) record.attributes["step_" + std::to_string(s)] = steps[s];
    std::vector<std::string> const of_steps{"pass", "layer", "step", "rank"}, of_passes{"pass", "rank"};
    record.datasets = {
        make_dataset("timeline/iteration", "1", {"pass"}, Grid<std::int32_t, 1>({3}, {2, 5, 7})),
        make_dataset("timeline/start_s", "s", of_steps, start_s),
        make_dataset("timeline/end_s", "s", of_steps, end_s),
        make_dataset("timeline/pass_start_s", "s", of_passes,
                     Grid<double, 2>({3, ranks}, {0, 0, 0, 0, 0, 0})),
        make_dataset("timeline/pass_end_s", "s", of_passes,
                     Grid<double, 2>({3, ranks}, {25, 25, 20 * faster, 20 * faster, 15, 30})),
        make_dataset("traffic_bytes", "bytes", {"layer", "source_rank", "destination_rank"},
                     Grid<std::uint64_t, 3>({layers, ranks, ranks}, {1, 20, 30, 4, 1, 200, 300, 4}))};
    return record;
}

Trace trace_of(std::vector<Record> cases) {
    Trace trace;
    trace.path = "run.h5";
    trace.root = {"/", {{"schema_version", schema_version()}, {"host", std::string("here")}}, {}};
    trace.cases = std::move(cases);
    return trace;
}

std::string message_of(auto&& action) {
    try {
        action();
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        return error.what();
    }
    return "(no error)";
}

TEST(Timeline, TheMedianPassIsTakenUnlessAnotherIsAskedFor) {
    EXPECT_EQ(read_timeline(pass_record()).iteration, 2);     // slowest ranks: 25, 20, 30
    EXPECT_EQ(read_timeline(pass_record(1.4)).iteration, 5);  // 25, 28, 30
    EXPECT_EQ(read_timeline(pass_record(), 7).iteration, 7);
    EXPECT_NE(message_of([] { read_timeline(pass_record(), 3); }).find("use one of: 2, 5, 7"),
              std::string::npos);
}

TEST(Timeline, WaitingEndsWithTheLastEntryOrTheOwnEnd) {
    EXPECT_EQ(moving_since({0.0, 1.0, 0.5}, {3.0, 3.5, 0.75}), (std::vector{1.0, 1.0, 0.75}));
    for (auto const& span : read_timeline(pass_record(), 5).spans) {
        double const from_s = 10 * static_cast<double>(span.layer);
        EXPECT_EQ(span.moves_s, span.step == "dispatch"  ? from_s + 2
                                : span.step == "combine" ? from_s + 8
                                                         : span.start_s);
    }
}

TEST(Timeline, StepsOfARankNeverOverlapAndThoseThatDidNotRunAreNone) {
    auto const timeline = read_timeline(pass_record(), 5);
    EXPECT_EQ(timeline.spans.size(), ranks * layers * 4);
    for (std::size_t i = 1; i < timeline.spans.size(); ++i) {
        auto const &before = timeline.spans[i - 1], &span = timeline.spans[i];
        EXPECT_NE(span.step, "migrate");
        EXPECT_TRUE(span.rank != before.rank || span.start_s >= before.end_s);
    }
}

TEST(Timeline, BytesAreThoseThatCrossAndComeBack) {
    for (auto const& span : read_timeline(pass_record(), 5).spans) {
        if (!span.is_exchange) continue;
        bool const is_out = (span.step == "dispatch") == (span.rank == 0);
        EXPECT_EQ(span.sent_bytes, (is_out ? 20u : 30u) * (span.layer == 0 ? 1 : 10));
        EXPECT_EQ(span.received_bytes, (is_out ? 30u : 20u) * (span.layer == 0 ? 1 : 10));
    }
}

TEST(Shares, AreThoseOfEachRanksPassAndAddUpToOne) {
    auto const shares = shares_of(read_timeline(pass_record(), 5));
    EXPECT_EQ(shares.critical_rank, 1u);  // waits 0 s, rank 0 waits 1 + 2 in each layer
    EXPECT_EQ(shares.pass_s, 20);
    std::map<std::string, std::pair<double, double>> found;
    double mean = 0, critical = 0;
    for (auto const& part : shares.parts) {
        found[part.name] = {part.mean, part.critical};
        mean += part.mean;
        critical += part.critical;
    }
    EXPECT_NEAR(mean, 1, 1e-12);
    EXPECT_NEAR(critical, 1, 1e-12);
    EXPECT_NEAR(found["dispatch wait"].first, 0.05, 1e-12);
    EXPECT_NEAR(found["dispatch transfer"].first, (4 + 6) / 40.0, 1e-12);
    EXPECT_NEAR(found["dispatch transfer"].second, 6 / 20.0, 1e-12);
    EXPECT_NEAR(found["combine wait"].first, 4 / 40.0, 1e-12);
    EXPECT_NEAR(found["experts"].second, 6 / 20.0, 1e-12);
    EXPECT_NEAR(found["other"].second, 3 / 20.0, 1e-12);
    EXPECT_EQ(shares.parts.back().name, "other");
    EXPECT_EQ(found.count("migrate wait"), 0u);
}

TEST(ChromeTrace, EventsCarryMicrosecondsLanesAndBytes) {
    auto const trace = trace_of({pass_record()});
    auto const json = chrome_trace(trace, read_timeline(trace.cases[0], 5), {1, 1});
    int transfers = 0;
    for (auto const& event : json.at("traceEvents")) {
        if (event.at("ph") == "M") continue;
        EXPECT_EQ(event.at("ph"), "X");
        if (event.at("cat") == "pass") continue;
        EXPECT_EQ(event.at("args").at("layer"), 1);
        if (event.at("name") != "dispatch transfer" || event.at("pid") != 1) continue;
        ++transfers;
        EXPECT_EQ(event.at("ts").get<double>(), 12e6);
        EXPECT_EQ(event.at("dur").get<double>(), 2e6);
        EXPECT_EQ(event.at("args").at("wait_us").get<double>(), 1e6);
        EXPECT_EQ(event.at("args").at("transfer_us").get<double>(), 2e6);
        EXPECT_EQ(event.at("args").at("sent_bytes"), 200);
    }
    EXPECT_EQ(transfers, 1);
    EXPECT_EQ(json.at("otherData").at("case"), "a.in_model");
    EXPECT_EQ(json.at("otherData").at("host"), "here");
}

TEST(Timeline, MissingOnesAreSaidInOneMessage) {
    Record const replay{place::case_of("a.replay"), {{"mode", std::string("replay")}}, {}};
    auto const with = trace_of({replay, pass_record()}), without = trace_of({replay});
    EXPECT_EQ(timeline_case(with, "").path, "/cases/a.in_model");
    EXPECT_NE(message_of([&] { timeline_case(with, "b"); }).find("unknown case 'b'; use one of: a.in_model"),
              std::string::npos);
    EXPECT_NE(message_of([&] { timeline_case(with, "a.replay"); }).find("use one of: a.in_model"),
              std::string::npos);
    EXPECT_NE(message_of([&] { timeline_case(without, ""); }).find("holds no timeline"), std::string::npos);
}

TEST(Timeline, ReportsSayWhatIsMissingInOldTraces) {
    auto old = pass_record();
    old.datasets.clear();
    EXPECT_NE(timeline_section(trace_of({old})).find("before timelines were kept"), std::string::npos);
    EXPECT_EQ(timeline_section(trace_of({})), "");
    auto const section = timeline_section(trace_of({pass_record()}));
    EXPECT_NE(section.find("a.in_model"), std::string::npos) << section;
    EXPECT_NE(section.find("rank 1, critical"), std::string::npos) << section;
}

}  // namespace
}  // namespace moewire
