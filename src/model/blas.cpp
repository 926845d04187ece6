#include "model/blas.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <climits>

// Null where torch's library brings no such name.
extern "C" void sgemm_(char const* a_as, char const* b_as, int const* m, int const* n, int const* k,
                       float const* alpha, float const* a, int const* a_stride, float const* b,
                       int const* b_stride, float const* beta, float* c, int const* c_stride)
    __attribute__((weak));

namespace moewire::blas {

bool suits(std::initializer_list<at::Tensor> tensors) {
    return sgemm_ != nullptr && std::ranges::all_of(tensors, [](at::Tensor const& t) {
               return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous() && t.numel() < INT_MAX;
           });
}

void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, float const* a, Lies a_lies,
              float const* b, Lies b_lies, float* out, Target target) {
    // BLAS counts by columns: what it calls the first matrix is our second, read across.
    int const m = static_cast<int>(columns), n = static_cast<int>(rows), k = static_cast<int>(depth);
    int const b_stride = b_lies == Lies::straight ? m : k, a_stride = a_lies == Lies::straight ? k : n;
    float const one = 1, kept = target == Target::added_to ? 1 : 0;
    sgemm_(b_lies == Lies::straight ? "N" : "T", a_lies == Lies::straight ? "N" : "T", &m, &n, &k, &one, b,
           &b_stride, a, &a_stride, &kept, out, &m);
}

}  // namespace moewire::blas
