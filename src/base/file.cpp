#include "base/file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

Error write_error(fs::path const& path, int code) {
    return failure("file", fmt::format("cannot write {} ({}); free space or choose another folder",
                                       path.string(), std::strerror(code)));
}

class Descriptor {
  public:
    Descriptor(fs::path const& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(Descriptor const&) = delete;
    Descriptor& operator=(Descriptor const&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

void write_all(int fd, std::string_view content, fs::path const& path) {
    while (!content.empty()) {
        auto const written = ::write(fd, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw write_error(path, errno);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd) != 0 && errno != EINVAL) throw write_error(path, errno);
}

}  // namespace

std::string read_file(fs::path const& path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
        throw input_error("file",
                          fmt::format("{} is a folder (a file was expected); name a file", path.string()));
    }
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        throw input_error(
            "file", fmt::format("cannot read {} ({}); check the path", path.string(), std::strerror(errno)));
    }
    std::ostringstream content;
    content << stream.rdbuf();
    if (stream.bad())
        throw failure("file", fmt::format("reading {} broke off; check the disk", path.string()));
    return std::move(content).str();
}

void write_file(fs::path const& path, std::string_view content) {
    fs::path part = path;
    part += fmt::format(".part{}", ::getpid());
    try {
        Descriptor const file(part, O_WRONLY | O_CREAT | O_TRUNC);
        if (file.get() < 0) throw write_error(path, errno);
        write_all(file.get(), content, path);
    } catch (Error const&) {
        ::unlink(part.c_str());
        throw;
    }
    if (::rename(part.c_str(), path.c_str()) != 0) {
        int const code = errno;
        ::unlink(part.c_str());
        throw write_error(path, code);
    }
}

void ensure_writable_folder(fs::path const& folder) {
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (!problem && !fs::is_directory(folder)) problem = std::make_error_code(std::errc::not_a_directory);
    if (!problem) {
        fs::path const probe = folder / fmt::format(".probe{}", ::getpid());
        Descriptor const file(probe, O_WRONLY | O_CREAT | O_TRUNC);
        if (file.get() < 0) problem = std::error_code(errno, std::generic_category());
        ::unlink(probe.c_str());
    }
    if (problem) {
        throw usage_error(fmt::format("cannot write into folder {} ({}); choose another output folder",
                                      folder.string(), problem.message()));
    }
}

}  // namespace moewire
