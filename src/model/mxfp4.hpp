// What numbers do 4-bit blocks stand for? MXFP4: 32 values share one power of two.
#pragma once

#include <ATen/core/Tensor.h>

namespace moewire {

// Shape of `blocks`: [..., group, 16], uint8, two values a byte, the low half first; of `scales`: [...,
// group], uint8, exponents with bias 127. Result: fp32 [..., group x 32]. Source: OCP Microscaling Formats
// (MX) 1.0, section 5; layout as gpt-oss stores it.
at::Tensor from_mxfp4(at::Tensor const& blocks, at::Tensor const& scales);

}  // namespace moewire
