#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "checkpoint/dtype.hpp"
#include "checkpoint/safetensors.hpp"
#include "fuzz/judge.hpp"

namespace moewire::fuzz {
namespace {

constexpr char const* name = "model.safetensors";

// In memory of just that size, so that one byte too many is seen.
void read_whole(SafetensorsFile const& file, TensorInfo const& tensor, std::string_view expected) {
    std::unique_ptr<std::byte[]> const out(new std::byte[tensor.bytes()]);
    file.read(tensor, 0, std::span(out.get(), tensor.bytes()));
    demand(std::memcmp(out.get(), expected.data(), expected.size()) == 0,
           "a tensor's bytes are not the file's");
}

// What loads must hold together: extents, sizes, and every byte readable.
void check_tensors(SafetensorsFile const& file, std::string_view bytes) {
    std::uint64_t reached = 0;
    std::memcpy(&reached, bytes.data(), sizeof reached);
    reached += sizeof reached;
    for (auto const& tensor : file.tensors()) {
        demand(tensor.begin_bytes == reached, "a tensor does not begin where the one before it ends");
        demand(tensor.end_bytes >= reached && tensor.end_bytes <= bytes.size(), "a tensor leaves the file");
        demand(tensor.bytes() * 8 == static_cast<std::uint64_t>(tensor.elements()) * bits_of(tensor.dtype),
               "a tensor's shape is not its size");
        read_whole(file, tensor, bytes.substr(tensor.begin_bytes, tensor.bytes()));
        reached = tensor.end_bytes;
    }
    demand(reached == bytes.size(), "bytes belong to no tensor");
}

// A file that shrinks while it is open: what lies behind its new end is refused, the rest is still read.
void check_shrunk(SafetensorsFile const& file, std::string_view bytes, std::size_t left_bytes) {
    for (auto const& tensor : file.tensors()) {
        auto const verdict = judge(
            file.path(), [&] { read_whole(file, tensor, bytes.substr(tensor.begin_bytes, tensor.bytes())); },
            4);
        bool const inside = tensor.end_bytes <= left_bytes || tensor.bytes() == 0;
        demand((verdict == Verdict::accepted) == inside, "a tensor behind the end was read");
    }
}

}  // namespace

Verdict run_safetensors(std::string_view bytes) {
    static MemoryFolder folder;
    folder.put(name, bytes);
    auto const path = folder.path() / name;
    std::unique_ptr<SafetensorsFile> file;
    auto const verdict = judge(path, [&] {
        file = std::make_unique<SafetensorsFile>(path);
        check_tensors(*file, bytes);
    });
    if (verdict == Verdict::refused) return verdict;
    auto const left_bytes = bytes.size() - bytes.size() / 4;
    folder.cut(name, left_bytes);
    check_shrunk(*file, bytes, left_bytes);
    return verdict;
}

}  // namespace moewire::fuzz
