#include "model/mxfp4.hpp"

#include <ATen/ATen.h>

namespace moewire {

at::Tensor from_mxfp4(at::Tensor const& blocks, at::Tensor const& scales) {
    static float const table[16] = {0.f,  0.5f,  1.f,  1.5f,  2.f,  3.f,  4.f,  6.f,
                                    -0.f, -0.5f, -1.f, -1.5f, -2.f, -3.f, -4.f, -6.f};
    auto const values = at::tensor(at::ArrayRef<float>(table, 16), at::kFloat);
    auto const flat = blocks.reshape({-1, 16});
    auto const low = flat.bitwise_and(15).to(at::kInt), high = flat.bitwise_right_shift(4).to(at::kInt);
    auto const halves =
        at::stack({values.index_select(0, low.reshape({-1})), values.index_select(0, high.reshape({-1}))},
                  1);  // the low half first
    auto const exponents = scales.reshape({-1, 1}).to(at::kInt).sub(127);
    auto const wide = at::ldexp(halves.view({-1, 32}), exponents);
    auto shape = scales.sizes().vec();
    shape.back() *= 32;
    return wide.view(shape);
}

}  // namespace moewire
