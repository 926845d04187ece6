#include "checkpoint/raw_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/show.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

void close_if_open(int descriptor) {
    if (descriptor >= 0) ::close(descriptor);
}

Error open_error(fs::path const& path, std::string_view problem) {
    return input_error("checkpoint", fmt::format("cannot read {} ({}); check the path and its permissions",
                                                 path.string(), problem));
}

Error write_error(fs::path const& path, int code) {
    return failure("checkpoint", fmt::format("cannot write {} ({}); free space or choose another folder",
                                             path.string(), std::strerror(code)));
}

// A rename is only as durable as the folder that holds the name.
void sync_folder(fs::path const& path) {
    fs::path const folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    int const descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;  // a folder that may be written but not listed
    ::fsync(descriptor);
    ::close(descriptor);
}

}  // namespace

InputFile::InputFile(fs::path path) : path_(std::move(path)) {
    // Non-blocking, so that opening a pipe returns; regular files do not care.
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) throw open_error(path_, std::strerror(errno));
    struct stat status {};
    bool const known = ::fstat(descriptor_, &status) == 0;
    if (!known || !S_ISREG(status.st_mode)) {
        ::close(std::exchange(descriptor_, -1));
        throw open_error(path_,
                         known && S_ISDIR(status.st_mode) ? "it is a folder" : "it is no regular file");
    }
    size_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() {
    close_if_open(descriptor_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      size_bytes_(std::exchange(other.size_bytes_, 0)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(size_bytes_, other.size_bytes_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

void InputFile::read(std::uint64_t first_byte, std::span<std::byte> out) const {
    while (!out.empty()) {
        // The kernel moves at most about 2 GiB a call, and a signal may interrupt it: hence the loop.
        auto const got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(first_byte));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            throw failure("checkpoint", fmt::format("reading {} broke off at byte {} ({}); check the disk",
                                                    path_.string(), first_byte, std::strerror(errno)));
        }
        if (got == 0) {
            throw failure(
                "checkpoint",
                fmt::format(
                    "{} ends at byte {} (it had {} bytes when it was opened: something shortened it); "
                    "fetch it again and leave it alone while it is read",
                    path_.string(), first_byte, size_bytes_));
        }
        first_byte += static_cast<std::uint64_t>(got);
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

OutputFile::OutputFile(fs::path path) : path_(std::move(path)), part_(path_) {
    part_ += fmt::format(".part{}", ::getpid());
    descriptor_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor_ < 0) throw write_error(path_, errno);
}

OutputFile::~OutputFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(part_.c_str());
}

void OutputFile::write(std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
        auto const written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw write_error(path_, errno);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void OutputFile::commit() {
    // EINVAL: a target that cannot be synced, such as some network file systems.
    if (::fsync(descriptor_) != 0 && errno != EINVAL) throw write_error(path_, errno);
    if (::rename(part_.c_str(), path_.c_str()) != 0) throw write_error(path_, errno);
    int const closed = ::close(std::exchange(descriptor_, -1));
    if (closed != 0 && errno != EINTR) throw write_error(path_, errno);
    sync_folder(path_);
}

std::string read_small_file(fs::path const& path, std::uint64_t most_bytes) {
    InputFile const file(path);
    if (file.size_bytes() > most_bytes) {
        throw input_error(
            "checkpoint",
            fmt::format("{} has {} bytes (more than {}, so it is not what its name says); replace it",
                        path.string(), file.size_bytes(), show_bytes(static_cast<double>(most_bytes))));
    }
    std::string text(file.size_bytes(), '\0');
    file.read(0, std::as_writable_bytes(std::span(text)));
    if (auto const zero = text.find('\0'); zero != std::string::npos) {
        throw input_error(
            "checkpoint",
            fmt::format("{} holds a zero byte at {} (it is not a text); replace it", path.string(), zero));
    }
    return text;
}

}  // namespace moewire
