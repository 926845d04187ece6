// The page: nothing in a name becomes code, no raw sample is in it, and strange traces give a page all the
// same.
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/registry.hpp"
#include "report/cases.hpp"
#include "report/page_data.hpp"
#include "report/page_text.hpp"
#include "report/report.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

using namespace report_cases;

constexpr char const* hostile = "</script><script>alert(1)</script>\"'`&\xe2\x80\xa8|";

std::string page_of(std::vector<Trace> traces) {
    Scratch const scratch;
    auto const& writer = Registry<ReportWriter>::instance().at("html").value;
    return read_file(writer.write(find(std::move(traces)), {scratch.path(), {}}));
}

TEST(Page, NamesNeverBecomeCode) {
    auto record = measured_case(hostile, 0.01, 0.1, 1);
    for (auto const* name : {"dataset", "plan_dataset", "model"})
        record.attributes[name] = std::string(hostile);
    auto trace = trace_of({record, unmeasured_case("x", "failed", hostile)});
    trace.path = std::string("a<b>") + hostile + ".h5";
    auto const page = page_of({trace});
    EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
    EXPECT_EQ(page.find("<script>alert"), std::string::npos);
    auto const begin = page.find("id=\"data\">") + 10;
    auto const data = Document::parse(page.substr(begin, page.find("</script>", begin) - begin));
    EXPECT_EQ(page.find("\xe2\x80\xa8", begin), std::string::npos) << "a line ends there, for a script";
    EXPECT_EQ(data["runs"][0]["cases"][0]["strategy"], hostile);
}

TEST(Page, EveryPlaceOfItsFrameIsFilled) {
    auto const page = page_of({trace_of({measured_case("contiguous", 0.01, 0.1, 1)})});
    EXPECT_EQ(page.find("{{"), std::string::npos);
    EXPECT_NE(page.find("Content-Security-Policy"), std::string::npos);
    EXPECT_EQ(page.find("http://"), std::string::npos);
    EXPECT_EQ(page.find("https://"), std::string::npos);
}

TEST(Page, EmptyAndUnmeasuredTracesAreSaid) {
    EXPECT_NE(page_of({trace_of({})}).find("This trace holds no case"), std::string::npos);
    auto const page = page_of(
        {trace_of({unmeasured_case("a", "failed", "it broke"), unmeasured_case("b", "waived", "no GPU")})});
    EXPECT_NE(page.find("failed: it broke"), std::string::npos);
    EXPECT_NE(page.find("waived: no GPU"), std::string::npos);
    EXPECT_NE(page.find("no case was measured"), std::string::npos);
}

TEST(PageData, QuantilesStandForSamples) {
    std::vector<double> samples;
    for (int i = 0; i < 1000; ++i) samples.push_back((i * 7919) % 1000);
    auto const kept = page::quantiles_of(samples, 101);
    ASSERT_EQ(kept.size(), 101u);
    EXPECT_EQ(kept.front(), 0);
    EXPECT_EQ(kept.back(), 999);
    EXPECT_NEAR(kept[50], 500, 1);
    EXPECT_EQ(page::quantiles_of({3, 1, 2}, 101), (std::vector<double>{1, 2, 3}));
}

TEST(PageData, SharedArraysAreKeptOnce) {
    std::vector<Record> cases;
    for (auto const* strategy : {"a", "b", "c"}) {
        cases.push_back(measured_case(strategy, 0.01, 0.1, 1));
        cases.back().datasets.push_back(traffic(7));
    }
    auto const data = page_data(find({trace_of(cases)}));
    EXPECT_EQ(data["arrays"].size(), 1u);
    EXPECT_EQ(data["runs"][0]["cases"][2]["traffic"], 0);
}

TEST(PageData, NumbersHaveFiveDigitsAndInfinityIsNull) {
    EXPECT_EQ(page::rounded(0.123456789), 0.12346);
    EXPECT_TRUE(page::rounded(1.0 / 0.0).is_null());
}

TEST(PageText, MarksAreKeptAndAllElseEscaped) {
    EXPECT_EQ(html_sentence("**a<b** is `c&d`"), "<strong>a&lt;b</strong> is <code>c&amp;d</code>");
    EXPECT_EQ(html_sentence("an open ` and an open **"), "an open ` and an open **");
}

}  // namespace
}  // namespace moewire
