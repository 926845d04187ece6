// The matrix file of nccl-tests' alltoallv_perf: bytes from each rank (row) to each rank (column), a rank's
// own included.
//
// Source: NVIDIA/nccl-tests 2.19.6, src/alltoallv.cu; it rounds every value down to 16 bytes.
#include <fmt/format.h>

#include "base/registry.hpp"
#include "simulate/export.hpp"
#include "traffic/matrix_file.hpp"

namespace moewire {
namespace {

std::vector<ExportFile> write(Scenario const& scenario, std::string const& name) {
    for (auto const bytes : scenario.bytes.values()) {
        if (bytes % matrix_step_bytes == 0) continue;
        throw input_error("export", fmt::format("{} bytes are no multiple of {} (nccl-tests would round them "
                                                "down); export goal",
                                                bytes, matrix_step_bytes));
    }
    return {{name + ".matrix.txt", matrix_text(scenario.bytes)}};
}

Imported read(std::vector<ExportFile> const& files) {
    return {parse_matrix(files.at(0).content, files.at(0).name), std::nullopt};
}

bool const registered = register_in<TrafficExport>(
    "matrix", "The matrix file of nccl-tests' alltoallv_perf (.matrix.txt).", {{".matrix.txt"}, write, read});

}  // namespace
}  // namespace moewire
