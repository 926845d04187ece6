// Which tensors does one file hold, and where? A strict reader and a writer of the safetensors format.
//
// The format: an 8-byte little-endian length, that many bytes of JSON (name -> dtype, shape, data_offsets),
// then the tensors' bytes, row-major and little-endian, without a gap. Nothing aligns the data: copy, never
// alias. Source: huggingface/safetensors, README "Format" and tensor.rs. The reader accepts nothing that the
// reference rejects, and refuses some oddities that it lets pass (repeated keys, unknown fields, absurd
// sizes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/dtype.hpp"
#include "checkpoint/raw_file.hpp"

namespace moewire {

struct TensorInfo {
    std::string name;
    DType dtype = DType::F32;
    std::vector<std::int64_t> shape;  // [] is a scalar; a zero dimension an empty tensor
    std::uint64_t begin_bytes = 0;    // absolute in the file
    std::uint64_t end_bytes = 0;      // one past the last

    std::uint64_t bytes() const { return end_bytes - begin_bytes; }
    std::int64_t elements() const;
};

// One file, open for reading. Move-only; several threads may read at the same time.
class SafetensorsFile {
  public:
    // Reads and checks the header only: time and memory grow with the header, never with what it claims.
    // Throws: usage, with the file, the tensor and the reason, when anything is not as the format has it.
    explicit SafetensorsFile(std::filesystem::path path);

    std::filesystem::path const& path() const { return file_.path(); }
    std::vector<TensorInfo> const& tensors() const { return tensors_; }  // by position in the file
    std::map<std::string, std::string> const& metadata() const { return metadata_; }

    // Fills `out` with the tensor's bytes from `first_byte` (counted inside the tensor) on, and reads no
    // others. Throws: failure, when the range leaves the tensor, or the file became shorter since it was
    // opened.
    void read(TensorInfo const& tensor, std::uint64_t first_byte, std::span<std::byte> out) const;

  private:
    InputFile file_;
    std::vector<TensorInfo> tensors_;
    std::map<std::string, std::string> metadata_;
};

// A tensor as it lies in memory, row-major and little-endian.
struct TensorToWrite {
    std::string name;
    DType dtype = DType::F32;
    std::vector<std::int64_t> shape;
    std::span<std::byte const> bytes;
};

// Writes byte for byte what the reference writes: tensors by falling dtype, then name; header padded with
// spaces to a multiple of 8. Metadata is sorted by key (the reference's order is random); none is written
// when empty. transformers wants metadata {"format": "pt"}. Throws: failure, when a tensor does not fit its
// shape, a name is taken twice or cannot be read back, or the disk is full; the path then holds what it held
// before.
void write_safetensors(std::filesystem::path const& path, std::vector<TensorToWrite> const& tensors,
                       std::map<std::string, std::string> const& metadata);

}  // namespace moewire
