// What does a safetensors header say, and is it true? The checked parse, shared by the reader and the writer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "checkpoint/safetensors.hpp"

namespace moewire {

// The format's own limit on the header, and ours against absurd files: the largest known checkpoints have
// some 100,000 tensors, of rank 4 at most, with names of about 100 bytes.
constexpr std::uint64_t safetensors_prefix_bytes = 8;
constexpr std::uint64_t most_header_bytes = 100'000'000;
constexpr std::size_t most_tensors = 1'000'000;
constexpr std::size_t most_dimensions = 8;
constexpr std::size_t most_name_bytes = 1024;
constexpr std::uint64_t most_dimension = std::uint64_t{1} << 53;  // integers that every JSON library keeps

struct SafetensorsHeader {
    std::vector<TensorInfo> tensors;
    std::map<std::string, std::string> metadata;
};

// The header as it is written, offsets still relative to the data; `file` is for messages.
// Throws: usage, when it is not the JSON that the format asks for.
SafetensorsHeader parse_safetensors_header(std::string_view header, std::string_view file);

// Sorts the tensors by position and makes their offsets absolute. Throws: usage, when they leave a hole,
// overlap, contradict their shape, or do not fill the file of `file_bytes` exactly; the data begin at
// `data_begin_bytes`.
void place_tensors(std::vector<TensorInfo>& tensors, std::uint64_t data_begin_bytes, std::uint64_t file_bytes,
                   std::string_view file);

// Bytes of a tensor; nothing, when the size overflows 64 bits or does not end on a whole byte. The product is
// taken in the order of the reference, so that it overflows where the reference's does.
std::optional<std::uint64_t> tensor_bytes(DType dtype, std::span<std::int64_t const> shape);

// The error for a file that is not as the format has it, with the advice to fetch it again.
Error bad_safetensors(std::string_view file, std::string_view problem, std::string_view why);

}  // namespace moewire
