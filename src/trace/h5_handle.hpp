// How do HDF5 handles die? Move-only owners, each with its own closing call. (Inside the trace room only.)
#pragma once

#include <source_location>
#include <string>
#include <utility>

#include <hdf5.h>

namespace moewire {

// Throws: failure (source "hdf5") with the deepest message of HDF5's error stack, when `code` is negative.
hid_t check_h5(hid_t code, std::string const& what,
               std::source_location where = std::source_location::current());

class H5Handle {
  public:
    using Close = herr_t (*)(hid_t);
    H5Handle() = default;
    H5Handle(hid_t id, Close close, std::string const& what,
             std::source_location where = std::source_location::current())
        : id_(check_h5(id, what, where)), close_(close) {}
    ~H5Handle() {
        if (id_ >= 0) close_(id_);
    }
    H5Handle(H5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    H5Handle& operator=(H5Handle&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
        return *this;
    }
    hid_t get() const { return id_; }

    // The explicit end, which reports problems.
    void close(std::string const& what) {
        if (id_ >= 0) check_h5(close_(std::exchange(id_, -1)), what);
    }

  private:
    hid_t id_ = -1;
    Close close_ = nullptr;
};

}  // namespace moewire
