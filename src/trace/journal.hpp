// What survives a dead process? One line of JSON a record, flushed before anything else happens.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "trace/record.hpp"

namespace moewire {

// A record as one line of JSON without a newline, and back. Doubles keep every bit; they must be finite.
std::string to_line(Record const& record);
Record from_line(std::string const& line);

enum class JournalMode { fresh, append };

// Appends records to a file; each is on its way to the disk when `append` returns.
class Journal {
  public:
    // Throws: failure (source "journal"), when the file cannot be made.
    Journal(std::filesystem::path path, JournalMode mode);
    void append(Record const& record);

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::filesystem::path path_;
    std::unique_ptr<std::FILE, Close> file_;
};

// Every whole line of a journal; records of one path are merged, later ones win. A cut last line is dropped;
// `damaged_lines` counts it and any other line that is not a record.
struct JournalContent {
    std::vector<Record> records;  // in the order of their first line
    int damaged_lines = 0;
};
JournalContent read_journal(std::filesystem::path const& path);

// Adds what `more` says to `record`: attributes and datasets of the same name are replaced.
void merge(Record& record, Record const& more);

}  // namespace moewire
