// Is somebody else writing here? One owner at a time, even from another host.
#pragma once

#include <filesystem>
#include <string>

namespace moewire {

// Holds a lock file from construction to destruction, which removes it. The system drops the lock of a
// process that died, so that nothing stale is left to clean up; the file's text names the owner for those who
// are refused. Not copied, not moved.
class Claim {
  public:
    // Throws: usage, naming the owner, when another process holds it, or when the folder cannot be written.
    // `what` is for the message: "the folder runs/a".
    Claim(std::filesystem::path file, std::string const& what, std::string const& owner);
    ~Claim();
    Claim(Claim const&) = delete;
    Claim& operator=(Claim const&) = delete;

    // False where the file system knows no locks (some parallel ones, mounted without them).
    bool is_exclusive() const { return is_exclusive_; }

  private:
    std::filesystem::path file_;
    int fd_ = -1;
    bool is_exclusive_ = true;
};

}  // namespace moewire
