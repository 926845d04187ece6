#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/version.h>

#include "base/error.hpp"
#include "model/language_model.hpp"

namespace moewire {

Precision precision_of(std::string const& name) {
    if (name == "float32") return Precision::float32;
    if (name == "bfloat16") return Precision::bfloat16;
    if (name == "float16") return Precision::float16;
    throw usage_error(
        fmt::format("unknown dtype '{}' (what should compute?); use float32, bfloat16 or float16", name));
}

std::string name_of(Precision precision) {
    if (precision == Precision::float16) return "float16";
    return precision == Precision::float32 ? "float32" : "bfloat16";
}

std::int64_t element_bytes(Precision precision) {
    return precision == Precision::float32 ? 4 : 2;
}

void set_compute_threads(int threads) {
    at::set_num_threads(threads);
}
int compute_threads() {
    return at::get_num_threads();
}

std::string torch_version() {
    return TORCH_VERSION;
}

}  // namespace moewire
