#include "fuzz/judge.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <fmt/format.h>

#include "text/utf8.hpp"

namespace moewire::fuzz {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t most_message_bytes = 2000;  // besides the path

bool reads_are_watched = false;

[[noreturn]] void end(std::string const& reason) {
    std::fprintf(stderr, "fuzz: %s\n", reason.c_str());
    std::abort();
}

void check_message(std::string const& message, fs::path const& file) {
    demand(message.find(file.string()) != std::string::npos,
           "the message does not name the file: " + message);
    demand(message.size() <= most_message_bytes + 2 * file.string().size(),
           fmt::format("the message has {} bytes", message.size()));
    bool const obeyed = std::any_of(message.begin(), message.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    demand(!obeyed, "the message holds a control character: " + message);
    demand(first_ill_formed(message) == std::string::npos, "the message is no UTF-8: " + message);
}

}  // namespace

void demand(bool condition, std::string_view reason) {
    if (!condition) end(std::string(reason));
}

MemoryFolder::MemoryFolder() {
    std::string name = (fs::temp_directory_path() / "moewire-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for the fuzzed files");
    path_ = name;
}

MemoryFolder::~MemoryFolder() {
    for (auto const& [name, descriptor] : descriptors_) ::close(descriptor);
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void MemoryFolder::put(std::string const& name, std::string_view content) {
    auto [file, is_new] = descriptors_.try_emplace(name, -1);
    if (is_new) file->second = ::memfd_create("fuzzed", 0);
    int const descriptor = file->second;
    bool const written =
        ::ftruncate(descriptor, 0) == 0 &&
        ::pwrite(descriptor, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size());
    if (!written) throw std::runtime_error("cannot write " + name);
    std::error_code known;
    if (!fs::is_symlink(path_ / name, known))
        fs::create_symlink(fmt::format("/proc/self/fd/{}", descriptor), path_ / name);
}

void MemoryFolder::cut(std::string const& name, std::size_t bytes) {
    if (::ftruncate(descriptors_.at(name), static_cast<off_t>(bytes)) != 0)
        throw std::runtime_error("cannot cut " + name);
}

void MemoryFolder::remove(std::string const& name) {
    std::error_code ignored;
    fs::remove(path_ / name, ignored);
}

Verdict judge(fs::path const& file, std::function<void()> const& action, int exit_code) {
    struct Watch {
        explicit Watch(bool on) { reads_are_watched = on; }
        ~Watch() { reads_are_watched = false; }
    } const watch(exit_code != 4);
    try {
        action();
        return Verdict::accepted;
    } catch (Error const& error) {
        demand(error.exit_code() == exit_code,
               fmt::format("exit code {}, not {}: {}", error.exit_code(), exit_code, error.what()));
        check_message(error.what(), file);
        return Verdict::refused;
    } catch (std::exception const& other) {
        end(fmt::format("an exception that no user understands: {}", other.what()));
    }
}

}  // namespace moewire::fuzz

// The linker sends all calls of pread here (--wrap): the kernel would cut a read at the file's end in
// silence.
extern "C" {
ssize_t __real_pread(int descriptor, void* out, std::size_t bytes, off_t first_byte);
ssize_t __wrap_pread(int descriptor, void* out, std::size_t bytes, off_t first_byte);

ssize_t __wrap_pread(int descriptor, void* out, std::size_t bytes, off_t first_byte) {
    if (moewire::fuzz::reads_are_watched) {
        struct stat status {};
        bool const inside = ::fstat(descriptor, &status) == 0 && first_byte >= 0 &&
                            first_byte <= status.st_size &&
                            bytes <= static_cast<std::size_t>(status.st_size - first_byte);
        moewire::fuzz::demand(inside, fmt::format("{} bytes are read from byte {} of a file of {}", bytes,
                                                  first_byte, status.st_size));
    }
    return __real_pread(descriptor, out, bytes, first_byte);
}
}
