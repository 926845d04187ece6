#include "base/claim.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {
namespace {

std::string owner_of(int fd) {
    char text[512];
    auto const length = ::pread(fd, text, sizeof text, 0);
    std::string owner(text, length > 0 ? static_cast<std::size_t>(length) : 0);
    while (owner.ends_with('\n')) owner.pop_back();
    return owner.empty() ? "somebody who did not say who" : owner;
}

// The owner before us may have removed the file between our opening and our locking it.
bool is_still(int fd, std::filesystem::path const& file) {
    struct stat opened {
    }, named{};
    return ::fstat(fd, &opened) == 0 && ::stat(file.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

}  // namespace

Claim::Claim(std::filesystem::path file, std::string const& what, std::string const& owner)
    : file_(std::move(file)) {
    for (;;) {
        fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd_ < 0)
            throw usage_error(fmt::format("cannot claim {} ({}: {}); choose another output folder", what,
                                          file_.string(), std::strerror(errno)));
        bool const locked = ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
        int const problem = errno;
        if (!locked && problem == EWOULDBLOCK) {
            auto const holder = owner_of(fd_);
            ::close(fd_);
            throw usage_error(
                fmt::format("{} is being written by {} (two runs in one place would spoil "
                            "both); wait for it, or choose another --output",
                            what, holder));
        }
        is_exclusive_ = locked;
        if (is_still(fd_, file_)) break;
        ::close(fd_);
    }
    auto const line = owner + "\n";
    // Only words for others: a disk too full for them is reported where results are written.
    [[maybe_unused]] bool const told =
        ::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, line.data(), line.size(), 0) > 0;
}

Claim::~Claim() {
    ::unlink(file_.c_str());
    ::close(fd_);
}

}  // namespace moewire
