// What all vector kernels are made of: eight numbers of fp32 at a time, AVX2 with FMA. Included where those
// can be compiled. (Inside the model room only.)
#pragma once

#include "model/vectors.hpp"

#if defined(__x86_64__) && defined(__GLIBC__)
#define MOEWIRE_HAS_AVX2

#include <immintrin.h>
#include <limits>

#define MOEWIRE_AVX2 __attribute__((target("avx2,fma")))

// glibc's vector library (libmvec, linked with libm): eight exponentials, within 4 units in the last place.
extern "C" __m256 _ZGVdN8v_expf(__m256);

namespace moewire::vectors {

// Beyond it the exponential leaves fp32's normal numbers, and the library its fast path.
constexpr float exp_limit = 87.0F;
constexpr float least = -std::numeric_limits<float>::max();

MOEWIRE_AVX2 inline __m256 exponential(__m256 x) {
    auto const limit = _mm256_set1_ps(exp_limit);
    return _ZGVdN8v_expf(_mm256_max_ps(_mm256_min_ps(x, limit), _mm256_sub_ps(_mm256_setzero_ps(), limit)));
}

MOEWIRE_AVX2 inline float sum_of(__m256 x) {
    auto const half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    auto const pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}

MOEWIRE_AVX2 inline float most_of(__m256 x) {
    auto const half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    auto const pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}

}  // namespace moewire::vectors

#endif
