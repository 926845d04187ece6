#include "trace/h5.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "trace/h5_handle.hpp"
#include "trace/h5_values.hpp"

namespace moewire {
namespace {

// Once, before any other call: HDF5 must not print its stack to the terminal, nor close at exit what is still
// open: a file that a full disk kept from being closed makes that crash. Handles close what they own.
void prepare_library() {
    static bool const done = [] {
        check_h5(H5dont_atexit(), "keeping HDF5 from closing files at exit");
        return check_h5(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), "keeping HDF5 from printing") >= 0;
    }();
    (void)done;
}

std::vector<std::pair<std::string, H5O_type_t>> children(hid_t group) {
    std::vector<std::pair<std::string, H5O_type_t>> found;
    H5Literate(
        group, H5_INDEX_NAME, H5_ITER_INC, nullptr,
        [](hid_t where, char const* name, H5L_info_t const*, void* out) -> herr_t {
            H5O_info_t info;
            if (H5Oget_info_by_name(where, name, &info, H5P_DEFAULT) < 0) return 0;
            static_cast<std::vector<std::pair<std::string, H5O_type_t>>*>(out)->emplace_back(name, info.type);
            return 0;
        },
        &found);
    return found;
}

// Datasets below `group`, and below its sub-groups that have no attributes (those with are records of their
// own).
void read_datasets(hid_t group, std::string const& prefix, std::vector<Dataset>& datasets) {
    for (auto const& [name, type] : children(group)) {
        if (type == H5O_TYPE_DATASET) {
            datasets.push_back(read_dataset(group, name));
            datasets.back().name = prefix + name;
        } else if (type == H5O_TYPE_GROUP) {
            H5Handle const below(H5Gopen2(group, name.c_str(), H5P_DEFAULT), H5Gclose,
                                 "opening group " + name);
            if (read_attributes(below.get()).empty())
                read_datasets(below.get(), prefix + name + "/", datasets);
        }
    }
}

}  // namespace

struct H5File::State {
    std::string path;
    H5Handle file;
};

H5File::H5File(std::filesystem::path const& path, H5Mode mode) : state_(std::make_unique<State>()) {
    prepare_library();
    state_->path = path.string();
    auto const& name = state_->path;
    if (mode == H5Mode::create) {
        state_->file = H5Handle(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose,
                                "creating " + name);
        return;
    }
    if (!std::filesystem::exists(path))
        throw input_error("trace", fmt::format("no file {}; check the path", name));
    if (H5Fis_hdf5(name.c_str()) <= 0) {
        throw input_error(
            "trace", fmt::format("{} is not an HDF5 file (or was cut off); name a trace, or recover it with "
                                 "`moewire trace recover`",
                                 name));
    }
    auto const access = mode == H5Mode::read ? H5F_ACC_RDONLY : H5F_ACC_RDWR;
    try {
        state_->file = H5Handle(H5Fopen(name.c_str(), access, H5P_DEFAULT), H5Fclose, "opening " + name);
    } catch (Error const& error) {
        std::string const said = error.what();
        throw input_error(
            "trace", fmt::format("{} (it was cut off, or is damaged); fetch it again, or rebuild it with "
                                 "`moewire trace recover`",
                                 said.substr(0, said.find(';'))));
    }
}

H5File::~H5File() = default;
H5File::H5File(H5File&&) noexcept = default;
H5File& H5File::operator=(H5File&&) noexcept = default;

void H5File::write(Record const& record) {
    H5Handle group;
    if (contains(record.path)) {
        group = H5Handle(H5Gopen2(state_->file.get(), record.path.c_str(), H5P_DEFAULT), H5Gclose,
                         "opening " + record.path);
    } else {
        H5Handle const links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "making link properties");
        check_h5(H5Pset_create_intermediate_group(links.get(), 1), "setting link properties");
        group = H5Handle(
            H5Gcreate2(state_->file.get(), record.path.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT),
            H5Gclose, "making " + record.path);
    }
    for (auto const& [name, value] : record.attributes) write_attribute(group.get(), name, value);
    for (auto const& dataset : record.datasets) write_dataset(group.get(), dataset);
}

Record H5File::read(std::string const& path) const {
    H5Handle const group(H5Gopen2(state_->file.get(), path.c_str(), H5P_DEFAULT), H5Gclose,
                         "opening " + path);
    Record record{path, read_attributes(group.get()), {}};
    read_datasets(group.get(), "", record.datasets);
    return record;
}

std::vector<std::string> H5File::groups(std::string const& path) const {
    std::vector<std::string> names;
    if (!contains(path)) return names;
    H5Handle const group(H5Gopen2(state_->file.get(), path.c_str(), H5P_DEFAULT), H5Gclose,
                         "opening " + path);
    for (auto const& [name, type] : children(group.get())) {
        if (type == H5O_TYPE_GROUP) names.push_back(name);
    }
    return names;
}

bool H5File::contains(std::string const& path) const {
    if (path == "/") return true;
    // Every link on the way must exist, else HDF5 reports an error instead of "no".
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        if (H5Lexists(state_->file.get(), path.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
        if (slash == std::string::npos) return true;
    }
}

void H5File::flush() {
    check_h5(H5Fflush(state_->file.get(), H5F_SCOPE_GLOBAL), "flushing " + state_->path);
}

void H5File::close() {
    state_->file.close("closing " + state_->path);
}

std::string hdf5_version() {
    prepare_library();
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace moewire
