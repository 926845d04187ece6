#include <fstream>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/random.hpp"
#include "support/scratch.hpp"
#include "trace/h5.hpp"
#include "trace/schema.hpp"
#include "trace/tensor_file.hpp"
#include "trace/trace_reader.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

Record root_record() {
    return {"/",
            {{"schema_version", schema_version()},
             {"created_utc", std::string("2026-01-01T00:00:00Z")},
             {"seed", std::int64_t{7}}},
            {}};
}

Record case_record(std::string const& key, std::string const& state, std::uint64_t seed = 1) {
    Random random(seed, "case");
    Grid<double, 3> times(40, 4, 3);
    for (double& t : times.values()) t = random.uniform();
    Grid<std::uint64_t, 3> bytes(4, 3, 3);
    for (auto& b : bytes.values()) b = random.next();
    Record record{place::case_of(key),
                  {{"status", state}, {"strategy", std::string("eplb_pack")}, {"bound_s", 0.1}},
                  {}};
    record.datasets.push_back(
        make_dataset("traffic_bytes", "bytes", {"layer", "source_rank", "destination_rank"}, bytes));
    if (state == status::ok) {
        record.datasets.push_back(
            make_dataset("measured/dispatch_host_s", "s", {"iteration", "layer", "rank"}, times));
    }
    return record;
}

std::string message_of(auto&& action) {
    try {
        action();
    } catch (Error const& error) {
        return error.what();
    }
    return "(no error)";
}

TEST(Trace, EveryTypeComesBackAsItWent) {
    Scratch const scratch;
    auto const path = scratch.path() / "a.h5";
    Record record{"/models/x",
                  {{"text", std::string("naïve ☃")},
                   {"empty", std::string()},
                   {"long", std::string(70'000, 'x') + "☃"},  // longer than what an object's header takes
                   {"whole", std::int64_t{-5}},
                   {"real", 0.1}},
                  {}};
    record.datasets.push_back({"d", "s", {"a"}, {2}, std::vector<double>{0.1, -1e300}});
    record.datasets.push_back({"f/g", "1", {"a", "b"}, {1, 2}, std::vector<float>{0.5f, 2.f}});
    record.datasets.push_back({"i", "1", {"a"}, {1}, std::vector<std::int32_t>{-7}});
    record.datasets.push_back({"none", "tokens", {"a", "b"}, {0, 3}, std::vector<std::int64_t>{}});
    record.datasets.push_back({"u", "bytes", {"a"}, {1}, std::vector<std::uint64_t>{~std::uint64_t{0}}});
    {
        H5File file(path, H5Mode::create);
        file.write(record);
        file.close();
    }
    auto const back = H5File(path, H5Mode::read).read("/models/x");
    EXPECT_TRUE(same_content(back, record));
    EXPECT_TRUE(same_content(from_line(to_line(record)), record));
}

TEST(Trace, WritesPredictionFirstAndAddsTheMeasurement) {
    Scratch const scratch;
    auto const path = scratch.path() / "run.h5";
    TraceWriter writer(path, Existing::refuse);
    writer.write(root_record());
    writer.write(case_record("a", status::predicted));
    EXPECT_FALSE(fs::exists(path));
    EXPECT_EQ(read_all_records(part_path(path)).size(), 2u);  // readable while it grows
    writer.write(case_record("a", status::ok));
    writer.finish();
    EXPECT_FALSE(fs::exists(part_path(path)));
    auto const trace = read_trace(path);
    ASSERT_EQ(trace.cases.size(), 1u);
    EXPECT_EQ(trace.cases[0].text("status"), "ok");
    EXPECT_TRUE(same_content(trace.cases[0], case_record("a", status::ok)));
}

TEST(Trace, AKilledWriterLosesNothingThatWasFinished) {
    for (int trial = 0; trial < 6; ++trial) {
        Scratch const scratch;
        auto const path = scratch.path() / "run.h5";
        int channel[2];
        ASSERT_EQ(::pipe(channel), 0);
        pid_t const child = ::fork();
        if (child == 0) {
            TraceWriter writer(path, Existing::refuse);
            writer.write(root_record());
            for (int i = 0;; ++i) {
                writer.write(case_record("case" + std::to_string(i), status::predicted));
                writer.write(case_record("case" + std::to_string(i), status::ok));
                if (::write(channel[1], &i, sizeof i) < 0) ::_exit(1);
            }
        }
        ::close(channel[1]);
        int finished = -1;
        for (int i = 0; i < 3 + trial; ++i)
            ASSERT_EQ(::read(channel[0], &finished, sizeof finished), static_cast<ssize_t>(sizeof finished));
        ::usleep(static_cast<useconds_t>(700 * trial));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        for (int more = 0; ::read(channel[0], &more, sizeof more) > 0;) finished = more;
        ::close(channel[0]);

        auto const recovery = recover_trace(path);
        EXPECT_GE(recovery.finished.size(), static_cast<std::size_t>(finished + 1));
        EXPECT_TRUE(recovery.differing.empty());
        auto const trace = read_trace(path);
        for (auto const& one : trace.cases) {
            EXPECT_TRUE(same_content(one, case_record(place::key_of(one.path), status::ok))) << one.path;
        }
    }
}

TEST(Trace, RecoversFromTheJournalAloneAndFromTheFileAlone) {
    for (bool const keep_journal : {true, false}) {
        Scratch const scratch;
        auto const path = scratch.path() / "run.h5";
        {
            TraceWriter writer(path, Existing::refuse);
            writer.write(root_record());
            writer.write(case_record("a", status::ok));
            writer.write(case_record("b", status::predicted));
        }
        if (keep_journal) {
            std::ofstream(part_path(path)) << "not HDF5 any more";
            std::ofstream(journal_path(path), std::ios::app)
                << "{\"path\": \"/cases/c\", \"attrib";  // cut off
        } else {
            fs::remove(journal_path(path));
        }
        auto const recovery = recover_trace(keep_journal ? journal_path(path) : part_path(path));
        EXPECT_EQ(recovery.finished, std::vector<std::string>{"a"});
        EXPECT_EQ(recovery.unfinished, std::vector<std::string>{"b"});
        EXPECT_EQ(recovery.damaged_lines, keep_journal ? 1 : 0);
        EXPECT_TRUE(same_content(read_trace(path).cases.at(0), case_record("a", status::ok)));
    }
}

TEST(Trace, RecoveryOfNothingOrOfAWholeTraceIsRefused) {
    Scratch const scratch;
    EXPECT_NE(message_of([&] { recover_trace(scratch.path() / "no.h5"); }).find("neither"),
              std::string::npos);
    TraceWriter writer(scratch.path() / "run.h5", Existing::refuse);
    writer.write(root_record());
    writer.finish();
    EXPECT_NE(message_of([&] { recover_trace(scratch.path() / "run.h5"); }).find("whole already"),
              std::string::npos);
}

TEST(Trace, NeverOverwritesUnasked) {
    Scratch const scratch;
    auto const path = scratch.path() / "run.h5";
    { TraceWriter writer(path, Existing::refuse); }
    EXPECT_NE(message_of([&] { TraceWriter(path, Existing::refuse); }).find("interrupted run"),
              std::string::npos);
    {
        TraceWriter writer(path, Existing::overwrite);
        writer.write(root_record());
        writer.finish();
    }
    EXPECT_NE(message_of([&] { TraceWriter(path, Existing::refuse); }).find("exists"), std::string::npos);
}

TEST(Trace, AFullDiskIsToldAndWhatWasFinishedIsKept) {
    Scratch const scratch;
    auto const path = scratch.path() / "run.h5";
    {
        TraceWriter writer(path, Existing::refuse);
        writer.write(root_record());
        writer.write(case_record("a", status::ok));
        FileSizeLimit const limit(fs::file_size(journal_path(path)) + 2000);
        auto const message = message_of([&] { writer.write(case_record("b", status::ok)); });
        EXPECT_NE(message.find("cannot write"), std::string::npos) << message;
    }
    auto const recovery = recover_trace(path);
    EXPECT_EQ(recovery.finished, std::vector<std::string>{"a"});
    EXPECT_EQ(recovery.damaged_lines, 1);
}

TEST(Trace, ForeignAndNewerFilesAreRefusedByName) {
    Scratch const scratch;
    auto const text = scratch.path() / "text.h5", foreign = scratch.path() / "foreign.h5",
               newer = scratch.path() / "newer.h5";
    write_file(text, "hello");
    write_arrays(foreign, {}, {});
    write_arrays(newer, {{"schema_version", std::string("2.0")}}, {});
    EXPECT_NE(message_of([&] { read_trace(scratch.path() / "none.h5"); }).find("no file"), std::string::npos);
    EXPECT_NE(message_of([&] { read_trace(text); }).find("not an HDF5 file"), std::string::npos);
    EXPECT_NE(message_of([&] { read_trace(foreign); }).find("no moewire trace"), std::string::npos);
    EXPECT_NE(message_of([&] { read_trace(newer); }).find("has schema 2.0"), std::string::npos);
}

TEST(Schema, DatasetsWithoutUnitAxesOrPlaceAreRefused) {
    auto record = case_record("a", status::ok);
    EXPECT_NO_THROW(check_record(record));
    auto no_unit = record, wrong_unit = record, wrong_axes = record, unknown = record, wrong_shape = record;
    no_unit.datasets[0].unit.clear();
    wrong_unit.datasets[0].unit = "kB";
    wrong_axes.datasets[0].axes[0] = "depth";
    unknown.datasets[0].name = "extra";
    wrong_shape.datasets[0].shape[0] = 5;
    for (auto const& broken : {no_unit, wrong_unit, wrong_axes, unknown, wrong_shape}) {
        EXPECT_THROW(check_record(broken), Error);
    }
}

TEST(Schema, NamesAreMadeSafe) {
    EXPECT_EQ(safe_name("../a b/ü"), "..-a-b---");
    EXPECT_EQ(safe_name(".."), "_..");
    EXPECT_EQ(safe_name(""), "_");
}

TEST(Trace, DumpNamesUnitsAndDiffFindsDifferences) {
    Scratch const scratch;
    auto const write = [&](char const* name, std::uint64_t seed) {
        TraceWriter writer(scratch.path() / name, Existing::refuse);
        writer.write(root_record());
        writer.write(case_record("a", status::ok, seed));
        writer.finish();
        return read_trace(scratch.path() / name);
    };
    auto const first = write("a.h5", 1), same = write("b.h5", 1), other = write("c.h5", 2);
    EXPECT_TRUE(diff(first, same).empty());
    EXPECT_EQ(diff(first, other),
              std::vector<std::string>{"/cases/a: traffic_bytes differs in values, unit or axes"});
    auto const text = dump(first, DumpValues::yes);
    EXPECT_NE(text.find("measured/dispatch_host_s [40, 4, 3] s (iteration, layer, rank)"), std::string::npos)
        << text;
}

}  // namespace
}  // namespace moewire
