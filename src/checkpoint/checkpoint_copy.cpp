#include "checkpoint/checkpoint_copy.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.hpp"
#include "checkpoint/shard_index.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

fs::path part_of(fs::path const& folder) {
    auto named = folder.lexically_normal();
    if (!named.has_filename()) named = named.parent_path();
    named += ".part";
    return named;
}

Error unwritable(fs::path const& path, std::string const& why) {
    return failure("checkpoint", fmt::format("cannot write {} ({}); free space or choose another folder",
                                             path.string(), why));
}

// The header as it is, and a file of the same size with nothing behind it yet.
void begin_file(SafetensorsFile const& like, fs::path const& path) {
    auto const& tensors = like.tensors();
    auto const data_begin = tensors.empty() ? fs::file_size(like.path()) : tensors.front().begin_bytes;
    std::string header(data_begin, '\0');
    InputFile(like.path()).read(0, std::as_writable_bytes(std::span(header)));
    OutputFile file(path);
    file.write(std::as_bytes(std::span(header)));
    file.commit();
    // Room now: a full disk is found before anything else is done.
    int const descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    auto const size = static_cast<off_t>(tensors.empty() ? data_begin : tensors.back().end_bytes);
    int const problem = descriptor < 0 ? errno : ::posix_fallocate(descriptor, 0, std::max<off_t>(size, 1));
    if (descriptor >= 0) ::close(descriptor);
    if (problem != 0) throw unwritable(path, std::strerror(problem));
}

bool is_weight_file(fs::path const& path) {
    return path.extension() == ".safetensors";
}

}  // namespace

void CheckpointCopy::begin(Checkpoint const& like, fs::path const& folder) {
    std::error_code ignored;
    if (fs::exists(folder, ignored) && !fs::is_empty(folder, ignored)) {
        throw input_error("checkpoint",
                          fmt::format("{} is there already (nothing is overwritten); choose another "
                                      "folder, or remove it",
                                      folder.string()));
    }
    auto const part = part_of(folder);
    std::error_code problem;
    fs::remove_all(part, problem);
    fs::create_directories(part, problem);
    if (problem) throw unwritable(part, problem.message());
    try {
        for (auto const& file : like.files()) begin_file(file, part / file.path().filename());
        for (auto const& entry : fs::directory_iterator(like.folder())) {
            if (!entry.is_regular_file() || is_weight_file(entry.path())) continue;
            bool const is_index = entry.path().filename() == shard_index_name;
            if (is_index && like.files().size() == 1 &&
                like.files().front().path().filename() == single_weights_name)
                continue;  // the single file won over it
            fs::copy_file(entry.path(), part / entry.path().filename());
        }
    } catch (fs::filesystem_error const& error) {
        discard(folder);
        throw unwritable(part, error.code().message());
    } catch (...) {
        discard(folder);
        throw;
    }
}

CheckpointCopy::CheckpointCopy(Checkpoint const& like, fs::path const& folder)
    : like_(like), part_(part_of(folder)) {
    for (auto const& file : like.files()) {
        auto const name = file.path().filename().string();
        int const descriptor = ::open((part_ / name).c_str(), O_WRONLY | O_CLOEXEC);
        if (descriptor < 0) throw unwritable(part_ / name, std::strerror(errno));
        descriptors_[name] = descriptor;
    }
}

CheckpointCopy::~CheckpointCopy() {
    for (auto const& [name, descriptor] : descriptors_) ::close(descriptor);
}

void CheckpointCopy::write(std::string_view name, std::uint64_t first_byte,
                           std::span<std::byte const> bytes) {
    auto const& info = like_.at(name);
    if (first_byte > info.bytes() || bytes.size() > info.bytes() - first_byte) {
        throw failure("checkpoint", fmt::format("tensor {} has {} bytes, {} behind {} do not fit (its shape "
                                                "changed?); please report this",
                                                name, info.bytes(), bytes.size(), first_byte));
    }
    auto const file = like_.file_of(name).path().filename().string();
    auto place = static_cast<off_t>(info.begin_bytes + first_byte);
    while (!bytes.empty()) {
        auto const written = ::pwrite(descriptors_.at(file), bytes.data(), bytes.size(), place);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw unwritable(part_ / file, std::strerror(errno));
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        place += written;
    }
}

void CheckpointCopy::sync() {
    for (auto const& [name, descriptor] : descriptors_) {
        if (::fsync(descriptor) != 0 && errno != EINVAL) throw unwritable(part_ / name, std::strerror(errno));
    }
}

void CheckpointCopy::commit(fs::path const& folder) {
    std::error_code problem;
    fs::remove(folder, problem);  // an empty one
    fs::rename(part_of(folder), folder, problem);
    if (problem) throw unwritable(folder, problem.message());
}

void CheckpointCopy::discard(fs::path const& folder) noexcept {
    std::error_code ignored;
    fs::remove_all(part_of(folder), ignored);
}

}  // namespace moewire
