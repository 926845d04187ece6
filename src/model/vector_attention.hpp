// What does one thread compute of attention, a block of queries at a time? Plain pointers, no tensors. Called
// only where vectors are available. (Inside the model room only.)
#pragma once

#include "model/vectors.hpp"

namespace moewire::vectors {

inline constexpr std::int64_t block_queries = 64;
inline constexpr std::int64_t tile_keys = 64;

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
    float* log_totals = nullptr;  // Shape: [query], log(sum(exp(scores))) where it is wanted
};
void attend_block(AttentionBlock const& block);

// What the way back needs beside the block itself. What it says of keys and values is added to what
// other blocks said.
struct AttentionBack {
    float const *results, *gradients;  // the block's, and theirs. Shape: [query, value dim]
    std::int64_t result_stride, gradient_stride;
    float const* log_totals;   // the block's
    float const* value_tiles;  // Shape: [tile, value dim, tile_keys]; what lies behind `keys` is 0
    float const* key_rows;     // Shape: [key, dim]
    std::int64_t key_stride;
    float* of_queries;  // Shape: [query, dim]
    std::int64_t of_query_stride;
    float *of_keys, *of_values;  // Shapes: [key, dim], [key, value dim], whole tiles, side by side
};
void attend_block_back(AttentionBlock const& block, AttentionBack const& back);

}  // namespace moewire::vectors
