#include "trace/tensor_file.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "trace/h5.hpp"
#include "trace/schema.hpp"

namespace moewire {

void write_arrays(std::filesystem::path const& path, Attributes const& attributes,
                  std::vector<Dataset> const& datasets) {
    auto part = path;
    part += ".tmp";
    Record const record{"/", attributes, datasets};
    check_record(record);
    try {
        H5File file(part, H5Mode::create);
        file.write(record);
        file.close();
    } catch (Error const&) {
        std::error_code ignored;
        std::filesystem::remove(part, ignored);
        throw;
    }
    std::error_code problem;
    std::filesystem::rename(part, path, problem);
    if (problem)
        throw failure("file", fmt::format("cannot write {} ({}); choose another name", path.string(),
                                          problem.message()));
}

}  // namespace moewire
