// Products of rows of fp32 by BLAS itself: for matrices this small, what a tensor's view costs counts.
// (Inside the model room only.)
#pragma once

#include <cstdint>
#include <initializer_list>

#include <ATen/core/Tensor.h>

namespace moewire::blas {

// Is there a BLAS (torch's library brings one, or not), and are these fp32 on the CPU, contiguous, of fewer
// numbers than it counts?
bool suits(std::initializer_list<at::Tensor> tensors);

enum class Lies { straight, transposed };
enum class Target { replaced, added_to };

// out [rows, columns] = a [rows, depth] x b [depth, columns], all by rows; a and b may lie transposed.
void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, float const* a, Lies a_lies,
              float const* b, Lies b_lies, float* out, Target target = Target::replaced);

}  // namespace moewire::blas
