// What does one thread compute on rows of fp32, eight at a time? AVX2 with FMA, chosen when the program runs;
// plain pointers, no tensors. (Inside the model room only.)
#pragma once

#include <cstdint>

namespace moewire::vectors {

inline constexpr std::int64_t lanes = 8;
inline constexpr std::int64_t block_queries = 64;
inline constexpr std::int64_t tile_keys = 64;

// Does this processor have them? The functions below may only be called then.
bool available();

// out = x / sqrt(mean of squares + eps) * gain, `width` numbers.
void rms_norm_row(float const* x, float const* gain, float eps, std::int64_t width, float* out);

// out = gate / (1 + exp(-gate)) * up: gate_up holds `width` gates, then as many ups.
void swiglu_row(float const* gate_up, std::int64_t width, float* out);

// The way back: out holds the gates' gradients, then the ups'. `gradient` is that of swiglu_row's result.
void swiglu_back_row(float const* gate_up, float const* gradient, std::int64_t width, float* out);

// log(sum(exp(x))); no number where x is none or infinite.
float log_sum_exp(float const* x, std::int64_t width);

// out = scale * exp(x - log_total).
void shares_row(float const* x, std::int64_t width, float log_total, float scale, float* out);

// Some consecutive queries of one head, and all keys of theirs. Strides count numbers.
struct AttentionBlock {
    float const* queries;
    std::int64_t query_stride, query_count;  // 1 .. block_queries
    std::int64_t first_query;                // its position; query i sees key j when i - window < j <= i
    float const* key_tiles;                  // Shape: [tile, dim, tile_keys]; what lies behind `keys` is 0
    float const* values;
    std::int64_t value_stride, keys, dim, value_dim;  // dims: multiples of `lanes`
    float scale;
    std::int64_t window;
    float* out;
    std::int64_t out_stride;
};
void attend_block(AttentionBlock const& block);

}  // namespace moewire::vectors
