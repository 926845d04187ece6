#include "trace/merge.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/scratch.hpp"
#include "trace/remains.hpp"
#include "trace/schema.hpp"
#include "trace/trace_reader.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace {

Record root(std::string const& groups, std::int64_t ranks = 2) {
    return {place::root, {{"schema_version", schema_version()}, {"ranks", ranks}, {"groups", groups}}, {}};
}

Record a_case(std::string const& key, std::string const& group, std::int64_t size,
              std::string const& state = status::ok) {
    return {place::case_of(key), {{"status", state}, {"group", group}, {"group_size", size}}, {}};
}

std::filesystem::path written(std::filesystem::path path, std::vector<Record> const& records, bool finish) {
    TraceWriter writer(path, Existing::refuse);
    for (auto const& record : records) writer.write(record);
    if (finish) writer.finish();
    return path;
}

TEST(Merge, TakesEveryCaseOnceAndNamesWhatIsMissing) {
    Scratch const scratch;
    auto const in = [&](char const* name) { return scratch.path() / name; };
    written(in("a.h5"), {root("A\n"), a_case("a1", "A", 2), a_case("a2", "A", 2)}, true);
    written(in("b.h5"),
            {root("A\nB\nC\n"), a_case("a1", "A", 2), a_case("a2", "A", 2), a_case("b1", "B", 1),
             a_case("c1", "C", 2), a_case("c2", "C", 2, status::predicted)},
            false);
    auto const merged = merge_traces(in("all.h5"), {in("a.h5"), in("b.jsonl"), in("none.h5")});
    EXPECT_EQ(merged.cases, (std::vector<std::string>{"a1", "a2", "b1"}));
    EXPECT_EQ(merged.duplicates.size(), 2u);
    EXPECT_EQ(merged.gaps, std::vector<std::string>{"C of " + in("b.h5").string()});
    EXPECT_EQ(merged.missing, std::vector<std::string>{in("none.h5").string()});
    EXPECT_EQ(merged.interrupted, std::vector<std::string>{in("b.h5").string()});
    EXPECT_FALSE(merged.is_complete());
    auto const trace = read_trace(in("all.h5"));
    ASSERT_EQ(trace.cases.size(), 3u);
    EXPECT_EQ(trace.cases[0].text("source_trace"), in("a.h5").string());
    EXPECT_NE(trace.root.text("merged_from").find("b.h5"), std::string::npos);
}

TEST(Merge, RefusesWhatCannotBeOneTrace) {
    Scratch const scratch;
    auto const a = written(scratch.path() / "a.h5", {root("A\n", 2), a_case("a1", "A", 1)}, true);
    auto const b = written(scratch.path() / "b.h5", {root("B\n", 4), a_case("b1", "B", 1)}, true);
    EXPECT_THROW(merge_traces(scratch.path() / "all.h5", {a, b}), Error);
    EXPECT_FALSE(std::filesystem::exists(scratch.path() / "all.h5"));
    EXPECT_THROW(merge_traces(a, {a, b}), Error) << "an input is never overwritten";
    EXPECT_THROW(merge_traces(scratch.path() / "all.h5", {scratch.path() / "none.h5"}), Error);
}

TEST(Resume, GoesOnWithWholeGroupsAndDropsTheRest) {
    Scratch const scratch;
    auto const path = written(scratch.path() / "run.h5",
                              {root("A\nB\n"), a_case("a1", "A", 2), a_case("a2", "A", 2),
                               a_case("b1", "B", 2), a_case("b2", "B", 2, status::failed)},
                              false);
    std::ofstream(journal_path(path), std::ios::app) << "{\"path\":\"/cases/cut";
    auto const remains = read_remains(path);
    EXPECT_EQ(remains.damaged_lines, 1);
    auto const kept = without_partial_groups(remains.records);
    ASSERT_EQ(kept.size(), 3u);
    {
        TraceWriter writer(path, kept);
        writer.write(a_case("b1", "B", 1));
        writer.finish();
    }
    auto const trace = read_trace(path);
    ASSERT_EQ(trace.cases.size(), 3u);
    EXPECT_EQ(read_journal(journal_path(path)).damaged_lines, 0);
    auto const again = read_remains(path);
    EXPECT_TRUE(again.is_whole);
    EXPECT_TRUE(again.differing.empty());
    EXPECT_EQ(groups_of(again.records).size(), 2u);
}

TEST(Resume, WhatTheJournalLacksIsTakenFromTheFile) {
    Scratch const scratch;
    auto const path = written(scratch.path() / "run.h5", {root("A\n"), a_case("a1", "A", 1)}, false);
    std::filesystem::remove(journal_path(path));
    EXPECT_EQ(read_remains(path).records.size(), 2u);
    EXPECT_TRUE(read_remains(scratch.path() / "none.h5").empty());
}

}  // namespace
}  // namespace moewire
