// What does one thread compute on rows of fp32, eight at a time? AVX2 with FMA, chosen when the program runs;
// plain pointers, no tensors. (Inside the model room only.)
#pragma once

#include <cstdint>

namespace moewire::vectors {

inline constexpr std::int64_t lanes = 8;

// Does this processor have them? The functions below may only be called then.
bool available();

// out = x / sqrt(mean of squares + eps) * gain, `width` numbers. Returns what x was multiplied by.
float rms_norm_row(float const* x, float const* gain, float eps, std::int64_t width, float* out);

// The way back: `scale` is what rms_norm_row() returned, `gradient` that of its result. What it says of the
// gain is added to what other rows said.
void rms_norm_back_row(float const* x, float const* gain, float scale, float const* gradient,
                       std::int64_t width, float* of_x, float* of_gain);

// The sum of a * b.
float dot_row(float const* a, float const* b, std::int64_t width);

// out = x * factor, and out += x * factor.
void scale_row(float const* x, float factor, std::int64_t width, float* out);
void add_scaled_row(float const* x, float factor, std::int64_t width, float* out);

// out = gate / (1 + exp(-gate)) * up: gate_up holds `width` gates, then as many ups.
void swiglu_row(float const* gate_up, std::int64_t width, float* out);

// The way back: out holds the gates' gradients, then the ups'. `gradient` is that of swiglu_row's result.
void swiglu_back_row(float const* gate_up, float const* gradient, std::int64_t width, float* out);

// out = exp(x) / sum(exp(x)); returns log(sum(exp(x))). No numbers where x holds none, or an infinite one.
// `out` may be `x`.
float softmax_row(float const* x, std::int64_t width, float* out);

}  // namespace moewire::vectors
