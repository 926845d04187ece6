#include "trace/trace_writer.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "trace/remains.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

fs::path with_suffix(fs::path path, char const* suffix) {
    path += suffix;
    return path;
}

}  // namespace

void require_fresh(fs::path const& path) {
    if (fs::exists(path)) {
        throw usage_error(
            fmt::format("{} exists (a trace is never overwritten unasked); choose another --output, or give "
                        "--overwrite",
                        path.string()));
    }
    for (auto const& rest : {part_path(path), journal_path(path)}) {
        if (!fs::exists(rest)) continue;
        throw usage_error(fmt::format(
            "{} is left from an interrupted run; --resume goes on with it, `moewire trace recover "
            "{}` keeps its finished cases, --overwrite drops them",
            rest.string(), path.string()));
    }
}

fs::path part_path(fs::path const& trace) {
    return with_suffix(trace, ".tmp");
}

fs::path journal_path(fs::path const& trace) {
    return fs::path(trace).replace_extension(".jsonl");
}

TraceWriter::TraceWriter(fs::path path, Existing existing) : path_(std::move(path)), part_(part_path(path_)) {
    auto const folder = path_.parent_path();
    ensure_writable_folder(folder.empty() ? fs::path(".") : folder);
    if (existing == Existing::refuse) require_fresh(path_);
    journal_.emplace(journal_path(path_), JournalMode::fresh);
    file_.emplace(part_, H5Mode::create);
}

TraceWriter::TraceWriter(fs::path path, std::vector<Record> const& kept)
    : path_(std::move(path)), part_(part_path(path_)) {
    auto const folder = path_.parent_path();
    ensure_writable_folder(folder.empty() ? fs::path(".") : folder);
    // At every moment one file on the disk holds all that was kept: the old journal until the new is whole.
    auto const fresh = with_suffix(journal_path(path_), ".part");
    {
        Journal journal(fresh, JournalMode::fresh);
        for (auto const& record : kept) journal.append(record);
    }
    fs::rename(fresh, journal_path(path_));
    journal_.emplace(journal_path(path_), JournalMode::append);
    file_.emplace(part_, H5Mode::create);
    for (auto const& record : kept) file_->write(record);
    file_->flush();
}

void TraceWriter::write(Record const& record) {
    check_record(record);
    journal_->append(record);
    file_->write(record);
    file_->flush();
}

void TraceWriter::finish() {
    file_->close();
    file_.reset();
    journal_.reset();
    std::error_code problem;
    fs::rename(part_, path_, problem);
    if (problem)
        throw failure("trace", fmt::format("cannot rename {} ({}); rename it by hand", part_.string(),
                                           problem.message()));
}

Recovery recover_trace(fs::path const& any) {
    auto const path = trace_of(any);
    if (fs::exists(path))
        throw usage_error(fmt::format("{} is whole already; there is nothing to recover", path.string()));
    bool const has_journal = fs::exists(journal_path(path)), has_part = fs::exists(part_path(path));
    if (!has_journal && !has_part) {
        throw usage_error(fmt::format("neither {} nor {} exists; name an interrupted trace",
                                      journal_path(path).string(), part_path(path).string()));
    }
    auto const remains = read_remains(path);
    Recovery recovery;
    recovery.path = path;
    recovery.damaged_lines = remains.damaged_lines;
    recovery.differing = remains.differing;
    auto const rebuilt = with_suffix(path, ".recovering");
    H5File file(rebuilt, H5Mode::create);
    for (auto const& record : remains.records) {
        if (!place::is_case(record.path)) {
            file.write(record);
        } else if (is_finished(record)) {
            file.write(record);
            recovery.finished.push_back(place::key_of(record.path));
        } else {
            recovery.unfinished.push_back(place::key_of(record.path));
        }
    }
    file.close();
    fs::rename(rebuilt, path);
    fs::remove(part_path(path));
    return recovery;
}

}  // namespace moewire
