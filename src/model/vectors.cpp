#include "model/vectors.hpp"

#include <algorithm>
#include <cmath>

#include "base/contract.hpp"
#include "model/vectors_avx2.hpp"

namespace moewire::vectors {

#if defined(MOEWIRE_HAS_AVX2)

bool available() {
    static bool const both = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return both;
}

MOEWIRE_AVX2 float dot_row(float const* a, float const* b, std::int64_t width) {
    auto sum = _mm256_setzero_ps();
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        sum = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum);
    float total = sum_of(sum);
    for (; i < width; ++i) total += a[i] * b[i];
    return total;
}

MOEWIRE_AVX2 void scale_row(float const* x, float factor, std::int64_t width, float* out) {
    auto const factors = _mm256_set1_ps(factor);
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), factors));
    for (; i < width; ++i) out[i] = x[i] * factor;
}

MOEWIRE_AVX2 void add_scaled_row(float const* x, float factor, std::int64_t width, float* out) {
    auto const factors = _mm256_set1_ps(factor);
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        _mm256_storeu_ps(out + i, _mm256_fmadd_ps(_mm256_loadu_ps(x + i), factors, _mm256_loadu_ps(out + i)));
    for (; i < width; ++i) out[i] += x[i] * factor;
}

MOEWIRE_AVX2 float rms_norm_row(float const* x, float const* gain, float eps, std::int64_t width,
                                float* out) {
    float const scale = 1.0F / std::sqrt(dot_row(x, x, width) / static_cast<float>(width) + eps);
    auto const factor = _mm256_set1_ps(scale);
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        _mm256_storeu_ps(
            out + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), factor), _mm256_loadu_ps(gain + i)));
    for (; i < width; ++i) out[i] = x[i] * scale * gain[i];
    return scale;
}

MOEWIRE_AVX2 void rms_norm_back_row(float const* x, float const* gain, float scale, float const* gradient,
                                    std::int64_t width, float* of_x, float* of_gain) {
    auto sum = _mm256_setzero_ps();
    auto const factor = _mm256_set1_ps(scale);
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
        auto const sloped = _mm256_mul_ps(_mm256_loadu_ps(gradient + i), _mm256_loadu_ps(x + i));
        sum = _mm256_fmadd_ps(sloped, _mm256_loadu_ps(gain + i), sum);
        _mm256_storeu_ps(of_gain + i, _mm256_fmadd_ps(sloped, factor, _mm256_loadu_ps(of_gain + i)));
    }
    float total = sum_of(sum);
    for (; i < width; ++i) {
        total += gradient[i] * x[i] * gain[i];
        of_gain[i] += gradient[i] * x[i] * scale;
    }
    // What would lengthen x as a whole changes nothing.
    float const along = total * scale * scale / static_cast<float>(width);
    auto const lengths = _mm256_set1_ps(along);
    for (i = 0; i + lanes <= width; i += lanes) {
        auto const inner = _mm256_mul_ps(_mm256_loadu_ps(gradient + i), _mm256_loadu_ps(gain + i));
        _mm256_storeu_ps(of_x + i,
                         _mm256_mul_ps(_mm256_fnmadd_ps(lengths, _mm256_loadu_ps(x + i), inner), factor));
    }
    for (; i < width; ++i) of_x[i] = (gradient[i] * gain[i] - along * x[i]) * scale;
}

MOEWIRE_AVX2 void swiglu_row(float const* gate_up, std::int64_t width, float* out) {
    auto const one = _mm256_set1_ps(1.0F);
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
        auto const gate = _mm256_loadu_ps(gate_up + i);
        auto const below = _mm256_add_ps(one, exponential(_mm256_sub_ps(_mm256_setzero_ps(), gate)));
        _mm256_storeu_ps(out + i,
                         _mm256_mul_ps(_mm256_div_ps(gate, below), _mm256_loadu_ps(gate_up + width + i)));
    }
    for (; i < width; ++i) out[i] = gate_up[i] / (1.0F + std::exp(-gate_up[i])) * gate_up[width + i];
}

MOEWIRE_AVX2 void swiglu_back_row(float const* gate_up, float const* gradient, std::int64_t width,
                                  float* out) {
    auto const one = _mm256_set1_ps(1.0F);
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
        auto const gate = _mm256_loadu_ps(gate_up + i), up = _mm256_loadu_ps(gate_up + width + i);
        auto const slope = _mm256_loadu_ps(gradient + i);
        auto const share =
            _mm256_div_ps(one, _mm256_add_ps(one, exponential(_mm256_sub_ps(_mm256_setzero_ps(), gate))));
        auto const silu = _mm256_mul_ps(gate, share);
        // d silu / d gate = share * (1 + gate * (1 - share))
        auto const steep = _mm256_mul_ps(share, _mm256_fmadd_ps(gate, _mm256_sub_ps(one, share), one));
        _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_mul_ps(slope, up), steep));
        _mm256_storeu_ps(out + width + i, _mm256_mul_ps(slope, silu));
    }
    for (; i < width; ++i) {
        float const gate = gate_up[i], share = 1.0F / (1.0F + std::exp(-gate));
        out[i] = gradient[i] * gate_up[width + i] * share * (1.0F + gate * (1.0F - share));
        out[width + i] = gradient[i] * gate * share;
    }
}

MOEWIRE_AVX2 float softmax_row(float const* x, std::int64_t width, float* out) {
    auto top = _mm256_set1_ps(least), poison = _mm256_setzero_ps();
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
        auto const values = _mm256_loadu_ps(x + i);
        top = _mm256_max_ps(top, values);
        poison = _mm256_fmadd_ps(values, _mm256_setzero_ps(), poison);  // comparisons lose what is no number
    }
    float most = most_of(top), lost = sum_of(poison);
    for (; i < width; ++i) most = std::max(most, x[i]), lost += x[i] * 0.0F;
    auto const base = _mm256_set1_ps(most);
    auto sum = _mm256_setzero_ps();
    for (i = 0; i + lanes <= width; i += lanes) {
        auto const value = exponential(_mm256_sub_ps(_mm256_loadu_ps(x + i), base));
        _mm256_storeu_ps(out + i, value);
        sum = _mm256_add_ps(sum, value);
    }
    float total = sum_of(sum);
    for (; i < width; ++i) total += out[i] = std::exp(x[i] - most);
    float const share = 1.0F / total + lost;
    auto const shares = _mm256_set1_ps(share);
    for (i = 0; i + lanes <= width; i += lanes)
        _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_loadu_ps(out + i), shares));
    for (; i < width; ++i) out[i] *= share;
    return most + std::log(total) + lost;
}

#else

bool available() {
    return false;
}
float rms_norm_row(float const*, float const*, float, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
    return 0;
}
void rms_norm_back_row(float const*, float const*, float, float const*, std::int64_t, float*, float*) {
    MOEWIRE_EXPECT(available());
}
float dot_row(float const*, float const*, std::int64_t) {
    MOEWIRE_EXPECT(available());
    return 0;
}
void scale_row(float const*, float, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
}
void add_scaled_row(float const*, float, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
}
void swiglu_row(float const*, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
}
void swiglu_back_row(float const*, float const*, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
}
float softmax_row(float const*, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
    return 0;
}

#endif

}  // namespace moewire::vectors
