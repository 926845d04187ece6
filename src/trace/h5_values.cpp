#include "trace/h5_values.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"

namespace moewire {
namespace {

constexpr hsize_t compress_from_bytes = 1024;
constexpr std::size_t most_inline_bytes = 60'000;  // an object's header takes less than 64 KiB

// HDF5's own words, from the deepest entry of its error stack, on one line.
std::string last_h5_message() {
    std::string message;
    H5Ewalk2(
        H5E_DEFAULT, H5E_WALK_UPWARD,
        [](unsigned, H5E_error2_t const* entry, void* out) -> herr_t {
            auto& text = *static_cast<std::string*>(out);
            if (text.empty() && entry->desc != nullptr) text = entry->desc;
            return 0;
        },
        &message);
    std::replace(message.begin(), message.end(), '\n', ' ');
    return message.empty() ? "no further word from HDF5" : message;
}

template <class T>
hid_t native_type();
template <>
hid_t native_type<double>() {
    return H5T_NATIVE_DOUBLE;
}
template <>
hid_t native_type<float>() {
    return H5T_NATIVE_FLOAT;
}
template <>
hid_t native_type<std::int32_t>() {
    return H5T_NATIVE_INT32;
}
template <>
hid_t native_type<std::int64_t>() {
    return H5T_NATIVE_INT64;
}
template <>
hid_t native_type<std::uint64_t>() {
    return H5T_NATIVE_UINT64;
}

H5Handle text_type(std::size_t bytes) {
    H5Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "making a text type");
    check_h5(H5Tset_size(type.get(), std::max<std::size_t>(bytes, 1)), "sizing a text type");
    check_h5(H5Tset_cset(type.get(), H5T_CSET_UTF8), "setting UTF-8");
    check_h5(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "setting padding");
    return type;
}

H5Handle long_text_type() {
    H5Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "making a text type");
    check_h5(H5Tset_size(type.get(), H5T_VARIABLE), "sizing a text type");
    check_h5(H5Tset_cset(type.get(), H5T_CSET_UTF8), "setting UTF-8");
    return type;
}

H5Handle scalar_space() {
    return {H5Screate(H5S_SCALAR), H5Sclose, "making a scalar"};
}

}  // namespace

void write_attribute(hid_t object, std::string const& name, Attribute const& value) {
    if (H5Aexists(object, name.c_str()) > 0)
        check_h5(H5Adelete(object, name.c_str()), "replacing attribute " + name);
    auto const space = scalar_space();
    auto const put = [&](hid_t type, void const* data) {
        H5Handle const attribute(
            H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
            "making attribute " + name);
        check_h5(H5Awrite(attribute.get(), type, data), "writing attribute " + name);
    };
    if (auto const* const text = std::get_if<std::string>(&value)) {
        if (text->size() > most_inline_bytes) {
            char const* const begin = text->c_str();
            return put(long_text_type().get(), &begin);
        }
        std::string const shown = text->empty() ? std::string(1, '\0') : *text;
        put(text_type(shown.size()).get(), shown.data());
    } else if (auto const* const whole = std::get_if<std::int64_t>(&value)) {
        put(H5T_NATIVE_INT64, whole);
    } else {
        put(H5T_NATIVE_DOUBLE, &std::get<double>(value));
    }
}

namespace {

std::string read_text(hid_t attribute, hid_t type, std::string const& name) {
    if (H5Tis_variable_str(type) > 0) {
        char* raw = nullptr;
        H5Handle const memory(H5Tcopy(type), H5Tclose, "copying a type");
        check_h5(H5Aread(attribute, memory.get(), &raw), "reading attribute " + name);
        std::string const text = raw == nullptr ? "" : raw;
        H5free_memory(raw);
        return text;
    }
    std::string text(H5Tget_size(type), '\0');
    check_h5(H5Aread(attribute, type, text.data()), "reading attribute " + name);
    return text.substr(0, std::min(text.find('\0'), text.size()));
}

Attribute read_attribute(hid_t object, std::string const& name) {
    H5Handle const attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose,
                             "opening attribute " + name);
    H5Handle const type(H5Aget_type(attribute.get()), H5Tclose, "typing attribute " + name);
    switch (H5Tget_class(type.get())) {
        case H5T_STRING:
            return read_text(attribute.get(), type.get(), name);
        case H5T_INTEGER: {
            std::int64_t value = 0;
            check_h5(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value), "reading attribute " + name);
            return value;
        }
        default: {
            double value = 0;
            check_h5(H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value), "reading attribute " + name);
            return value;
        }
    }
}

}  // namespace

Attributes read_attributes(hid_t object) {
    std::vector<std::string> names;
    H5Aiterate2(
        object, H5_INDEX_NAME, H5_ITER_INC, nullptr,
        [](hid_t, char const* name, H5A_info_t const*, void* out) -> herr_t {
            static_cast<std::vector<std::string>*>(out)->emplace_back(name);
            return 0;
        },
        &names);
    Attributes attributes;
    for (auto const& name : names) attributes.emplace(name, read_attribute(object, name));
    return attributes;
}

namespace {

H5Handle creation_properties(Dataset const& dataset, std::size_t value_bytes) {
    H5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "making dataset properties");
    bool const large = dataset.size() * value_bytes >= compress_from_bytes && !dataset.shape.empty();
    if (!large) return properties;
    // One chunk of at most a mebibyte: whole trailing axes, cut along the first one.
    std::vector<hsize_t> chunk(dataset.shape.begin(), dataset.shape.end());
    for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
        hsize_t rest = value_bytes;
        for (std::size_t later = axis + 1; later < chunk.size(); ++later) rest *= chunk[later];
        chunk[axis] = std::clamp<hsize_t>((hsize_t{1} << 20) / std::max<hsize_t>(rest, 1), 1, chunk[axis]);
    }
    check_h5(H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data()), "setting chunks");
    check_h5(H5Pset_shuffle(properties.get()), "setting shuffle");
    check_h5(H5Pset_deflate(properties.get(), 3), "setting compression");
    check_h5(H5Pset_fletcher32(properties.get()), "setting checksums");
    return properties;
}

}  // namespace

void write_dataset(hid_t group, Dataset const& dataset) {
    std::visit(
        [&](auto const& values) {
            using T = typename std::decay_t<decltype(values)>::value_type;
            std::vector<hsize_t> const shape(dataset.shape.begin(), dataset.shape.end());
            H5Handle const space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                                 H5Sclose, "shaping " + dataset.name);
            H5Handle const links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "making link properties");
            check_h5(H5Pset_create_intermediate_group(links.get(), 1), "setting link properties");
            auto const properties = creation_properties(dataset, sizeof(T));
            if (H5Lexists(group, dataset.name.c_str(), H5P_DEFAULT) > 0) {
                check_h5(H5Ldelete(group, dataset.name.c_str(), H5P_DEFAULT), "replacing " + dataset.name);
            }
            H5Handle const created(H5Dcreate2(group, dataset.name.c_str(), native_type<T>(), space.get(),
                                              links.get(), properties.get(), H5P_DEFAULT),
                                   H5Dclose, "making dataset " + dataset.name);
            check_h5(H5Dwrite(created.get(), native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
                     "writing dataset " + dataset.name);
            write_attribute(created.get(), "unit", dataset.unit);
            write_attribute(created.get(), "axes", fmt::format("{}", fmt::join(dataset.axes, ",")));
        },
        dataset.values);
}

namespace {

template <class T>
std::vector<T> read_values(hid_t id, std::uint64_t count, std::string const& name) {
    std::vector<T> values(count);
    check_h5(H5Dread(id, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
             "reading dataset " + name);
    return values;
}

Dataset::Values read_typed(hid_t id, std::uint64_t count, std::string const& name) {
    H5Handle const type(H5Dget_type(id), H5Tclose, "typing dataset " + name);
    auto const bytes = H5Tget_size(type.get());
    if (H5Tget_class(type.get()) == H5T_FLOAT) {
        if (bytes <= 4) return read_values<float>(id, count, name);
        return read_values<double>(id, count, name);
    }
    if (bytes <= 4) return read_values<std::int32_t>(id, count, name);
    if (H5Tget_sign(type.get()) == H5T_SGN_NONE) return read_values<std::uint64_t>(id, count, name);
    return read_values<std::int64_t>(id, count, name);
}

std::vector<std::string> split(std::string const& joined) {
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin <= joined.size() && !joined.empty();) {
        auto const end = std::min(joined.find(',', begin), joined.size());
        words.push_back(joined.substr(begin, end - begin));
        begin = end + 1;
    }
    return words;
}

}  // namespace

Dataset read_dataset(hid_t group, std::string const& name) {
    H5Handle const id(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose, "opening dataset " + name);
    H5Handle const space(H5Dget_space(id.get()), H5Sclose, "shaping dataset " + name);
    auto const rank = check_h5(H5Sget_simple_extent_ndims(space.get()), "shaping dataset " + name);
    std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
    check_h5(H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr), "shaping dataset " + name);
    Dataset dataset;
    dataset.name = name;
    dataset.shape.assign(shape.begin(), shape.end());
    auto const attributes = read_attributes(id.get());
    if (attributes.contains("unit")) dataset.unit = to_text(attributes.at("unit"));
    if (attributes.contains("axes")) dataset.axes = split(to_text(attributes.at("axes")));
    dataset.values = read_typed(id.get(), dataset.size(), name);
    return dataset;
}

hid_t check_h5(hid_t code, std::string const& what, std::source_location where) {
    if (code >= 0) return code;
    auto const message = last_h5_message();
    throw failure("hdf5", fmt::format("{} failed ({}); check disk space and file", what, message), where);
}

}  // namespace moewire
