#include "model/vectors.hpp"

#include "base/contract.hpp"

#if defined(__x86_64__) && defined(__GLIBC__)

#include <algorithm>
#include <cmath>
#include <immintrin.h>
#include <limits>
#include <vector>

#define MOEWIRE_AVX2 __attribute__((target("avx2,fma")))

// glibc's vector library (libmvec, linked with libm): eight exponentials, within 4 units in the last place.
extern "C" __m256 _ZGVdN8v_expf(__m256);

namespace moewire::vectors {
namespace {

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

// out [4, columns of Wide vectors] += a [4, depth] x b [depth, columns]; a tile that stays in registers.
template <int Wide>
MOEWIRE_AVX2 inline void add_product(float const* a, std::int64_t a_stride, float const* b,
                                     std::int64_t b_stride, std::int64_t depth, float* out,
                                     std::int64_t out_stride) {
    __m256 sum[4][Wide];
    _Pragma("GCC unroll 4") for (int row = 0; row < 4; ++row) {
        _Pragma("GCC unroll 4") for (int w = 0; w < Wide; ++w) sum[row][w] =
            _mm256_loadu_ps(out + row * out_stride + w * lanes);
    }
    for (std::int64_t d = 0; d < depth; ++d) {
        __m256 column[Wide];
        _Pragma("GCC unroll 4") for (int w = 0; w < Wide; ++w) column[w] =
            _mm256_loadu_ps(b + d * b_stride + w * lanes);
        _Pragma("GCC unroll 4") for (int row = 0; row < 4; ++row) {
            auto const left = _mm256_broadcast_ss(a + row * a_stride + d);
            _Pragma("GCC unroll 4") for (int w = 0; w < Wide; ++w) sum[row][w] =
                _mm256_fmadd_ps(left, column[w], sum[row][w]);
        }
    }
    _Pragma("GCC unroll 4") for (int row = 0; row < 4; ++row) {
        _Pragma("GCC unroll 4") for (int w = 0; w < Wide; ++w)
            _mm256_storeu_ps(out + row * out_stride + w * lanes, sum[row][w]);
    }
}

// The running softmax of one block's queries, and the tile in hand.
struct Running {
    explicit Running(AttentionBlock const& block)
        : rows((block.query_count + 3) / 4 * 4),
          queries(static_cast<std::size_t>(rows * block.dim)),
          mixed(static_cast<std::size_t>(rows * block.value_dim)),
          scores(static_cast<std::size_t>(rows * tile_keys)),
          most(static_cast<std::size_t>(rows), least),
          total(static_cast<std::size_t>(rows)) {
        for (std::int64_t row = 0; row < block.query_count; ++row) {
            for (std::int64_t d = 0; d < block.dim; ++d)
                queries[static_cast<std::size_t>(row * block.dim + d)] =
                    block.queries[row * block.query_stride + d] * block.scale;
        }
    }
    std::int64_t rows;  // a multiple of four: those beyond the count are zero, and never written out
    std::vector<float> queries, mixed, scores, most, total;
};

MOEWIRE_AVX2 void score_tile(AttentionBlock const& block, float const* tile, Running& run) {
    std::fill(run.scores.begin(), run.scores.end(), 0.0F);
    for (std::int64_t row = 0; row < run.rows; row += 4) {
        for (std::int64_t key = 0; key < tile_keys; key += 2 * lanes)
            add_product<2>(run.queries.data() + row * block.dim, block.dim, tile + key, tile_keys, block.dim,
                           run.scores.data() + row * tile_keys + key, tile_keys);
    }
}

// Scores of one query and of keys begin .. end - 1 of the tile become weights; all others 0.
MOEWIRE_AVX2 void weigh_row(std::int64_t begin, std::int64_t end, std::int64_t value_dim, float* scores,
                            float* mixed, float& most, float& total) {
    for (std::int64_t key = 0; key < begin; ++key) scores[key] = least;
    for (std::int64_t key = end; key < tile_keys; ++key) scores[key] = least;
    auto top = _mm256_set1_ps(most);
    for (std::int64_t key = 0; key < tile_keys; key += lanes)
        top = _mm256_max_ps(top, _mm256_loadu_ps(scores + key));
    float const now = most_of(top);
    if (now > most) {
        auto const shrink = _mm256_set1_ps(most == least ? 0.0F : std::exp(most - now));
        for (std::int64_t d = 0; d < value_dim; d += lanes)
            _mm256_storeu_ps(mixed + d, _mm256_mul_ps(_mm256_loadu_ps(mixed + d), shrink));
        total *= _mm256_cvtss_f32(shrink);
        most = now;
    }
    auto const base = _mm256_set1_ps(now);
    auto sum = _mm256_setzero_ps();
    for (std::int64_t key = 0; key < tile_keys; key += lanes) {
        auto const weight = exponential(_mm256_sub_ps(_mm256_loadu_ps(scores + key), base));
        _mm256_storeu_ps(scores + key, weight);
        sum = _mm256_add_ps(sum, weight);
    }
    if (begin == 0 && end == tile_keys) {
        total += sum_of(sum);
        return;
    }
    for (std::int64_t key = 0; key < begin; ++key) scores[key] = 0;
    for (std::int64_t key = end; key < tile_keys; ++key) scores[key] = 0;
    for (std::int64_t key = begin; key < end; ++key) total += scores[key];
}

MOEWIRE_AVX2 void mix_tile(AttentionBlock const& block, float const* values, std::int64_t keys,
                           Running& run) {
    for (std::int64_t row = 0; row < run.rows; row += 4) {
        auto const* weights = run.scores.data() + row * tile_keys;
        auto* const mixed = run.mixed.data() + row * block.value_dim;
        std::int64_t d = 0;
        for (; d + 2 * lanes <= block.value_dim; d += 2 * lanes)
            add_product<2>(weights, tile_keys, values + d, block.value_stride, keys, mixed + d,
                           block.value_dim);
        if (d < block.value_dim)
            add_product<1>(weights, tile_keys, values + d, block.value_stride, keys, mixed + d,
                           block.value_dim);
    }
}

}  // namespace

bool available() {
    static bool const both = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return both;
}

MOEWIRE_AVX2 void rms_norm_row(float const* x, float const* gain, float eps, std::int64_t width, float* out) {
    auto squares = _mm256_setzero_ps();
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
        auto const values = _mm256_loadu_ps(x + i);
        squares = _mm256_fmadd_ps(values, values, squares);
    }
    float total = sum_of(squares);
    for (auto rest = i; rest < width; ++rest) total += x[rest] * x[rest];
    float const scale = 1.0F / std::sqrt(total / static_cast<float>(width) + eps);
    auto const factor = _mm256_set1_ps(scale);
    for (i = 0; i + lanes <= width; i += lanes)
        _mm256_storeu_ps(
            out + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), factor), _mm256_loadu_ps(gain + i)));
    for (; i < width; ++i) out[i] = x[i] * scale * gain[i];
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

MOEWIRE_AVX2 float log_sum_exp(float const* x, std::int64_t width) {
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
    for (i = 0; i + lanes <= width; i += lanes)
        sum = _mm256_add_ps(sum, exponential(_mm256_sub_ps(_mm256_loadu_ps(x + i), base)));
    float total = sum_of(sum);
    for (; i < width; ++i) total += std::exp(x[i] - most);
    return most + std::log(total) + lost;
}

MOEWIRE_AVX2 void shares_row(float const* x, std::int64_t width, float log_total, float scale, float* out) {
    float const factor = scale + 0.0F * log_total;  // no number where the total is none
    auto const base = _mm256_set1_ps(log_total), factors = _mm256_set1_ps(factor);
    std::int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        _mm256_storeu_ps(out + i,
                         _mm256_mul_ps(exponential(_mm256_sub_ps(_mm256_loadu_ps(x + i), base)), factors));
    for (; i < width; ++i) out[i] = std::exp(x[i] - log_total) * factor;
}

void attend_block(AttentionBlock const& block) {
    Running run(block);
    auto const last_query = block.first_query + block.query_count - 1;
    auto const first_key = std::max<std::int64_t>(0, block.first_query - block.window + 1);
    for (auto tile = first_key / tile_keys; tile * tile_keys <= last_query; ++tile) {
        auto const base = tile * tile_keys;
        score_tile(block, block.key_tiles + base * block.dim, run);
        for (std::int64_t row = 0; row < run.rows; ++row) {
            auto const at = block.first_query + row;  // sees at - window < key <= at
            auto const begin = std::clamp<std::int64_t>(at - block.window + 1 - base, 0, tile_keys),
                       end = std::clamp<std::int64_t>(at + 1 - base, begin, tile_keys);
            auto* const scores = run.scores.data() + row * tile_keys;
            if (begin == end || row >= block.query_count) {
                std::fill_n(scores, tile_keys, 0.0F);
                continue;
            }
            weigh_row(begin, end, block.value_dim, scores, run.mixed.data() + row * block.value_dim,
                      run.most[static_cast<std::size_t>(row)], run.total[static_cast<std::size_t>(row)]);
        }
        auto const seen = std::min(tile_keys, last_query + 1 - base);
        mix_tile(block, block.values + base * block.value_stride, seen, run);
    }
    for (std::int64_t row = 0; row < block.query_count; ++row) {
        float const share = 1.0F / run.total[static_cast<std::size_t>(row)];
        for (std::int64_t d = 0; d < block.value_dim; ++d)
            block.out[row * block.out_stride + d] =
                run.mixed[static_cast<std::size_t>(row * block.value_dim + d)] * share;
    }
}

}  // namespace moewire::vectors

#else

namespace moewire::vectors {

bool available() {
    return false;
}
void rms_norm_row(float const*, float const*, float, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
}
void swiglu_row(float const*, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
}
void swiglu_back_row(float const*, float const*, std::int64_t, float*) {
    MOEWIRE_EXPECT(available());
}
float log_sum_exp(float const*, std::int64_t) {
    MOEWIRE_EXPECT(available());
    return 0;
}
void shares_row(float const*, std::int64_t, float, float, float*) {
    MOEWIRE_EXPECT(available());
}
void attend_block(AttentionBlock const&) {
    MOEWIRE_EXPECT(available());
}

}  // namespace moewire::vectors

#endif
