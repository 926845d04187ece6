// How is a trace written so that a crash loses at most what was under way?
#pragma once

#include <filesystem>
#include <optional>

#include "trace/h5.hpp"
#include "trace/journal.hpp"

namespace moewire {

enum class Existing { refuse, overwrite };

// Writes NAME.h5.tmp and the journal NAME.jsonl; `finish` renames the former to NAME.h5. Rank 0 alone owns
// one.
class TraceWriter {
  public:
    // Throws: usage, when NAME.h5 or the remains of an interrupted run exist and `existing` is `refuse`, or
    // when the folder cannot be written.
    TraceWriter(std::filesystem::path path, Existing existing);

    // Goes on with a run: `kept` is written first, in place of what journal and file held. An existing
    // NAME.h5 stays until `finish`.
    TraceWriter(std::filesystem::path path, std::vector<Record> const& kept);

    // Checks the record against the schema, then journal, file, flush. A record of the same path is added to.
    // Throws: failure; what was written before stays recoverable.
    void write(Record const& record);

    // Closes and renames. Nothing may be written afterwards.
    void finish();

    std::filesystem::path const& path() const { return path_; }

  private:
    std::filesystem::path path_;
    std::filesystem::path part_;
    std::optional<Journal> journal_;
    std::optional<H5File> file_;
};

// Throws: usage, when NAME.h5 or the remains of an interrupted run exist.
void require_fresh(std::filesystem::path const& trace);

// Names beside a trace.
std::filesystem::path part_path(std::filesystem::path const& trace);
std::filesystem::path journal_path(std::filesystem::path const& trace);

// What recovery found.
struct Recovery {
    std::filesystem::path path;           // the rebuilt trace
    std::vector<std::string> finished;    // keys of cases
    std::vector<std::string> unfinished;  // predicted, never measured: left out
    int damaged_lines = 0;                // of the journal, left out
    std::vector<std::string> differing;   // cases whose copies in file and journal differ; the journal won
};

// Rebuilds NAME.h5 from the journal and from NAME.h5.tmp, whichever has more; any of the three names may be
// given. Throws: usage, when NAME.h5 exists already or nothing is there to recover from.
Recovery recover_trace(std::filesystem::path const& any);

}  // namespace moewire
