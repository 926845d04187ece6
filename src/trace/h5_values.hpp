// How do single values go in and out of HDF5? Attributes and datasets of an open group. (Inside the trace
// room only.)
#pragma once

#include <string>

#include "trace/h5_handle.hpp"
#include "trace/record.hpp"

namespace moewire {

// Replaces an attribute of that name.
void write_attribute(hid_t object, std::string const& name, Attribute const& value);
Attributes read_attributes(hid_t object);

// Replaces a dataset of that name, makes groups on its path, and gives it the attributes `unit` and `axes`.
void write_dataset(hid_t group, Dataset const& dataset);
Dataset read_dataset(hid_t group, std::string const& name);

}  // namespace moewire
