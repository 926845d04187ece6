#include "trace/trace_writer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "trace/schema.hpp"
#include "trace/trace_reader.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

fs::path with_suffix(fs::path path, char const* suffix) {
    path += suffix;
    return path;
}

// NAME.h5 of NAME.h5, NAME.h5.tmp or NAME.jsonl.
fs::path trace_of(fs::path const& any) {
    if (any.extension() == ".tmp") return fs::path(any).replace_extension();
    if (any.extension() == ".jsonl") return fs::path(any).replace_extension(".h5");
    return any;
}

void refuse_existing(fs::path const& path) {
    if (fs::exists(path)) {
        throw usage_error(
            fmt::format("{} exists (a trace is never overwritten unasked); choose another --output, or give "
                        "--overwrite",
                        path.string()));
    }
    for (auto const& rest : {part_path(path), journal_path(path)}) {
        if (!fs::exists(rest)) continue;
        throw usage_error(
            fmt::format("{} is left from an interrupted run; `moewire trace recover {}` keeps its finished "
                        "cases, --overwrite drops them",
                        rest.string(), path.string()));
    }
}

std::vector<Record> records_of(fs::path const& file) {
    try {
        return read_all_records(file);
    } catch (Error const&) {
        return {};  // cut off while HDF5 wrote: the journal has it all
    }
}

bool is_finished(Record const& record) {
    auto const state = record.attributes.find("status");
    return state != record.attributes.end() && to_text(state->second) != status::predicted;
}

}  // namespace

fs::path part_path(fs::path const& trace) {
    return with_suffix(trace, ".tmp");
}

fs::path journal_path(fs::path const& trace) {
    return fs::path(trace).replace_extension(".jsonl");
}

TraceWriter::TraceWriter(fs::path path, Existing existing) : path_(std::move(path)), part_(part_path(path_)) {
    auto const folder = path_.parent_path();
    ensure_writable_folder(folder.empty() ? fs::path(".") : folder);
    if (existing == Existing::refuse) refuse_existing(path_);
    journal_.emplace(journal_path(path_));
    file_.emplace(part_, H5Mode::create);
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
    auto const in_file = has_part ? records_of(part_path(path)) : std::vector<Record>{};
    auto content = has_journal ? read_journal(journal_path(path)) : JournalContent{};

    Recovery recovery;
    recovery.path = path;
    recovery.damaged_lines = content.damaged_lines;
    for (auto const& record : in_file) {
        auto const same = std::find_if(content.records.begin(), content.records.end(),
                                       [&](Record const& r) { return r.path == record.path; });
        if (same == content.records.end()) {
            content.records.push_back(record);
        } else if (place::is_case(record.path) && is_finished(record) && !same_content(record, *same)) {
            recovery.differing.push_back(place::key_of(record.path));
        }
    }
    auto const rebuilt = with_suffix(path, ".recovering");
    H5File file(rebuilt, H5Mode::create);
    for (auto const& record : content.records) {
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
