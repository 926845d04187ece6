// How are bytes moved between memory and disk? Positioned reads from one open file, and writes that leave a
// whole file or none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace moewire {

// A regular file, open for reading. Move-only; several threads may read at the same time.
class InputFile {
  public:
    // Throws: usage, when the file is missing, unreadable or no regular file (a pipe would block for ever).
    explicit InputFile(std::filesystem::path path);
    ~InputFile();
    InputFile(InputFile&& other) noexcept;
    InputFile& operator=(InputFile&& other) noexcept;

    std::filesystem::path const& path() const { return path_; }
    std::uint64_t size_bytes() const { return size_bytes_; }  // when it was opened

    // Fills `out` from `first_byte` on. Throws: failure, when the file became shorter or the disk fails.
    void read(std::uint64_t first_byte, std::span<std::byte> out) const;

  private:
    std::filesystem::path path_;
    std::uint64_t size_bytes_ = 0;
    int descriptor_ = -1;
};

// A file in the making, under a temporary name beside the final one. Without commit() nothing remains.
class OutputFile {
  public:
    // Throws: failure, when the folder cannot be written.
    explicit OutputFile(std::filesystem::path path);
    ~OutputFile();
    OutputFile(OutputFile const&) = delete;
    OutputFile& operator=(OutputFile const&) = delete;

    // Throws: failure, when the disk is full.
    void write(std::span<std::byte const> bytes);

    // Syncs the content, gives the file its final name and syncs the folder: the name holds the old content
    // or all of the new, even after a power cut.
    void commit();

  private:
    std::filesystem::path path_;
    std::filesystem::path part_;
    int descriptor_ = -1;
};

// The whole text of a small file. Throws: usage, when it is no regular file, has more than `most_bytes` bytes
// or holds a zero byte (which the JSON library takes for the end of the text).
std::string read_small_file(std::filesystem::path const& path, std::uint64_t most_bytes);

}  // namespace moewire
