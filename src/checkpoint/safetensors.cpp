#include "checkpoint/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "checkpoint/safetensors_header.hpp"

namespace moewire {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are read as they lie");

std::string read_header(InputFile const& file) {
    std::string const name = file.path().string();
    if (file.size_bytes() < safetensors_prefix_bytes) {
        throw bad_safetensors(name, fmt::format("the file has {} bytes", file.size_bytes()),
                              "the header's length alone takes 8");
    }
    std::uint64_t header_bytes = 0;
    file.read(0, std::as_writable_bytes(std::span(&header_bytes, 1)));
    if (header_bytes > most_header_bytes) {
        throw bad_safetensors(name, fmt::format("the header claims {} bytes", header_bytes),
                              fmt::format("at most {} are allowed", most_header_bytes));
    }
    if (header_bytes > file.size_bytes() - safetensors_prefix_bytes) {
        throw bad_safetensors(
            name,
            fmt::format("the header claims {} bytes but the file has {}", header_bytes, file.size_bytes()),
            "the file is cut short");
    }
    std::string header(header_bytes, '\0');
    file.read(safetensors_prefix_bytes, std::as_writable_bytes(std::span(header)));
    return header;
}

// The offsets of one tensor against each other and against its shape: the fault is its own.
void check_extent(TensorInfo const& tensor, std::string_view file) {
    std::string const name = in_quotes(tensor.name);
    auto const [begin, end] = std::pair(tensor.begin_bytes, tensor.end_bytes);
    if (end < begin) {
        throw bad_safetensors(file, fmt::format("tensor {} ends at {} but begins at {}", name, end, begin),
                              "the end lies before the begin");
    }
    auto const bytes = tensor_bytes(tensor.dtype, tensor.shape);
    if (!bytes) {
        throw bad_safetensors(file,
                              fmt::format("tensor {} has shape [{}] of {}", name,
                                          fmt::join(tensor.shape, ", "), name_of(tensor.dtype)),
                              "more than 64 bits can count, or no whole number of bytes");
    }
    if (*bytes != end - begin) {
        throw bad_safetensors(
            file,
            fmt::format("tensor {} has shape [{}] of {}, {} bytes, but data_offsets of {} bytes", name,
                        fmt::join(tensor.shape, ", "), name_of(tensor.dtype), *bytes, end - begin),
            "they contradict each other");
    }
}

// One tensor against the one before it, null for the first: either may be wrong, so both are named.
void check_neighbour(TensorInfo const& tensor, TensorInfo const* before, std::string_view file) {
    auto const reached = before == nullptr ? 0 : before->end_bytes;
    if (tensor.begin_bytes == reached) return;
    throw bad_safetensors(
        file,
        before == nullptr
            ? fmt::format("the first tensor, {}, begins at {}, not at 0", in_quotes(tensor.name),
                          tensor.begin_bytes)
            : fmt::format("tensor {} begins at {}, the one before it, {}, ends at {}", in_quotes(tensor.name),
                          tensor.begin_bytes, in_quotes(before->name), reached),
        tensor.begin_bytes > reached ? "a hole" : "an overlap");
}

}  // namespace

std::int64_t TensorInfo::elements() const {
    // Unsigned: before a zero dimension the product of a checked shape may pass the signed range.
    std::uint64_t product = 1;
    for (auto const dimension : shape) product *= static_cast<std::uint64_t>(dimension);
    return static_cast<std::int64_t>(product);
}

std::optional<std::uint64_t> tensor_bytes(DType dtype, std::span<std::int64_t const> shape) {
    std::uint64_t bits = 1;
    for (auto const dimension : shape) {
        if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(dimension), &bits)) return std::nullopt;
    }
    if (__builtin_mul_overflow(bits, bits_of(dtype), &bits) || bits % 8 != 0) return std::nullopt;
    return bits / 8;
}

void place_tensors(std::vector<TensorInfo>& tensors, std::uint64_t data_begin_bytes, std::uint64_t file_bytes,
                   std::string_view file) {
    // Empty tensors share their begin with the tensor after them; the name makes the order of several
    // certain.
    auto const position = [](TensorInfo const& tensor) {
        return std::tie(tensor.begin_bytes, tensor.end_bytes, tensor.name);
    };
    std::sort(tensors.begin(), tensors.end(),
              [&](TensorInfo const& a, TensorInfo const& b) { return position(a) < position(b); });
    std::uint64_t const data_bytes = file_bytes - data_begin_bytes;
    for (auto const& tensor : tensors) check_extent(tensor, file);
    TensorInfo const* before = nullptr;
    std::uint64_t reached = 0;
    for (auto const& tensor : tensors) {
        check_neighbour(tensor, before, file);
        before = &tensor;
        reached = tensor.end_bytes;
        if (reached > data_bytes) {
            throw bad_safetensors(file,
                                  fmt::format("tensor {} ends at byte {} of the data, which have {}",
                                              in_quotes(tensor.name), reached, data_bytes),
                                  "the file is cut short");
        }
    }
    if (reached != data_bytes) {
        throw bad_safetensors(file,
                              fmt::format("the tensors take {} bytes, the data have {}", reached, data_bytes),
                              "bytes that belong to no tensor");
    }
    for (auto& tensor : tensors) {
        tensor.begin_bytes += data_begin_bytes;
        tensor.end_bytes += data_begin_bytes;
    }
}

SafetensorsFile::SafetensorsFile(std::filesystem::path path) : file_(std::move(path)) {
    std::string const text = read_header(file_);
    std::string const name = file_.path().string();
    auto header = parse_safetensors_header(text, name);
    place_tensors(header.tensors, safetensors_prefix_bytes + text.size(), file_.size_bytes(), name);
    tensors_ = std::move(header.tensors);
    metadata_ = std::move(header.metadata);
}

void SafetensorsFile::read(TensorInfo const& tensor, std::uint64_t first_byte,
                           std::span<std::byte> out) const {
    bool const inside = first_byte <= tensor.bytes() && out.size() <= tensor.bytes() - first_byte &&
                        tensor.end_bytes <= file_.size_bytes();
    if (!inside) {
        throw failure(
            "checkpoint",
            fmt::format("{}: bytes {} to {} of tensor {} were asked for (it has {}); please report this",
                        path().string(), first_byte, first_byte + out.size(), in_quotes(tensor.name),
                        tensor.bytes()));
    }
    file_.read(tensor.begin_bytes + first_byte, out);
}

}  // namespace moewire
