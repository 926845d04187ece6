// Where do hostile bytes lie, and is a refusal one that a user can use?
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "fuzz/harness.hpp"

namespace moewire::fuzz {

// A folder whose files lie in memory: a disk would be asked to keep millions of them. A file is a link to an
// open descriptor, which readers follow like any other link.
class MemoryFolder {
  public:
    MemoryFolder();
    ~MemoryFolder();
    MemoryFolder(MemoryFolder const&) = delete;
    MemoryFolder& operator=(MemoryFolder const&) = delete;

    std::filesystem::path const& path() const { return path_; }
    void put(std::string const& name, std::string_view content);  // instead of what was there
    void cut(std::string const& name, std::size_t bytes);         // to its first bytes
    void remove(std::string const& name);

  private:
    std::filesystem::path path_;
    std::map<std::string, int> descriptors_;  // kept when a file is removed
};

// Runs the action. An Error is a refusal when its exit code is `exit_code`, and its message names `file`, is
// short, and holds nothing that a terminal obeys. Any other exception ends the process, as does a read that
// asks for bytes behind the end of a file while the action runs (unless a file was cut: exit code 4).
Verdict judge(std::filesystem::path const& file, std::function<void()> const& action, int exit_code = 2);

// Ends the process with the reason when the condition does not hold.
void demand(bool condition, std::string_view reason);

}  // namespace moewire::fuzz
