// How does HDF5 see a record? The only door to the library; everything else works on records.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "trace/record.hpp"

namespace moewire {

enum class H5Mode { create, read, append };

// An open HDF5 file. Text is stored as UTF-8; datasets carry the attributes `unit` and `axes`.
// Throws from every call: failure (source "hdf5") with HDF5's own words; usage, when a file to read is no
// HDF5 file.
class H5File {
  public:
    H5File(std::filesystem::path const& path, H5Mode mode);
    ~H5File();
    H5File(H5File&&) noexcept;
    H5File& operator=(H5File&&) noexcept;

    // Writes attributes and datasets below record.path, making groups as needed; existing attributes are
    // replaced. Arrays above a kilobyte are chunked, shuffled, compressed and carry a checksum.
    void write(Record const& record);

    // Attributes of the group at `path`, and every dataset below it that does not belong to a deeper record.
    Record read(std::string const& path) const;

    // Names of the groups directly below `path`; empty when there is none.
    std::vector<std::string> groups(std::string const& path) const;
    bool contains(std::string const& path) const;

    // All written so far is on disk as HDF5 sees it, and survives the death of this process.
    void flush();

    // Flushes and closes; called by the destructor too, which cannot report problems.
    void close();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// "1.10.8".
std::string hdf5_version();

}  // namespace moewire
