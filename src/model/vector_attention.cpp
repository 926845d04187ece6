#include "model/vector_attention.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/contract.hpp"
#include "model/vectors_avx2.hpp"

namespace moewire::vectors {

#if defined(MOEWIRE_HAS_AVX2)

namespace {

// Four rows of a matrix: those of the left one of a product, as they lie or across.
struct FourRows {
    float const* first;
    std::int64_t row_stride, depth_stride;
};

// out [4, columns of Wide vectors] += a [4, depth] x b [depth, columns]; a tile that stays in registers.
template <int Wide>
MOEWIRE_AVX2 inline void add_columns(FourRows a, float const* b, std::int64_t b_stride, std::int64_t depth,
                                     float* out, std::int64_t out_stride) {
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
            auto const left = _mm256_broadcast_ss(a.first + row * a.row_stride + d * a.depth_stride);
            _Pragma("GCC unroll 4") for (int w = 0; w < Wide; ++w) sum[row][w] =
                _mm256_fmadd_ps(left, column[w], sum[row][w]);
        }
    }
    _Pragma("GCC unroll 4") for (int row = 0; row < 4; ++row) {
        _Pragma("GCC unroll 4") for (int w = 0; w < Wide; ++w)
            _mm256_storeu_ps(out + row * out_stride + w * lanes, sum[row][w]);
    }
}

// The same for any number of columns that vectors divide.
MOEWIRE_AVX2 void add_product(FourRows a, float const* b, std::int64_t b_stride, std::int64_t depth,
                              float* out, std::int64_t out_stride, std::int64_t columns) {
    std::int64_t c = 0;
    for (; c + 2 * lanes <= columns; c += 2 * lanes)
        add_columns<2>(a, b + c, b_stride, depth, out + c, out_stride);
    if (c < columns) add_columns<1>(a, b + c, b_stride, depth, out + c, out_stride);
}

// Keys begin .. end - 1 of a tile are seen by one query.
struct Seen {
    std::int64_t begin, end;
};
Seen seen_by(AttentionBlock const& block, std::int64_t row, std::int64_t base) {
    if (row >= block.query_count) return {0, 0};
    auto const at = block.first_query + row;  // sees at - window < key <= at
    auto const begin = std::clamp<std::int64_t>(at - block.window + 1 - base, 0, tile_keys);
    return {begin, std::clamp<std::int64_t>(at + 1 - base, begin, tile_keys)};
}

// First keys of the tiles that a block sees.
struct Tiles {
    explicit Tiles(AttentionBlock const& block)
        : begin(std::max<std::int64_t>(0, block.first_query - block.window + 1) / tile_keys * tile_keys),
          end(block.first_query + block.query_count) {}
    std::int64_t begin, end;
};

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

void score_tile(AttentionBlock const& block, float const* tile, Running& run) {
    std::fill(run.scores.begin(), run.scores.end(), 0.0F);
    for (std::int64_t row = 0; row < run.rows; row += 4)
        add_product({run.queries.data() + row * block.dim, block.dim, 1}, tile, tile_keys, block.dim,
                    run.scores.data() + row * tile_keys, tile_keys, tile_keys);
}

// Scores of one query and of keys begin .. end - 1 of the tile become weights; all others 0.
MOEWIRE_AVX2 void weigh_row(Seen seen, std::int64_t value_dim, float* scores, float* mixed, float& most,
                            float& total) {
    auto const [begin, end] = seen;
    for (std::int64_t key = 0; key < begin; ++key) scores[key] = least;
    for (std::int64_t key = end; key < tile_keys; ++key) scores[key] = least;
    auto top = _mm256_set1_ps(most), poison = _mm256_setzero_ps();
    for (std::int64_t key = 0; key < tile_keys; key += lanes) {
        auto const values = _mm256_loadu_ps(scores + key);
        top = _mm256_max_ps(top, values);
        poison = _mm256_fmadd_ps(values, _mm256_setzero_ps(), poison);  // comparisons lose what is no number
    }
    total += sum_of(poison);
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

void mix_tile(AttentionBlock const& block, float const* values, std::int64_t keys, Running& run) {
    for (std::int64_t row = 0; row < run.rows; row += 4)
        add_product({run.scores.data() + row * tile_keys, tile_keys, 1}, values, block.value_stride, keys,
                    run.mixed.data() + row * block.value_dim, block.value_dim, block.value_dim);
}

// A block's queries and gradients side by side, and one tile's shares with their gradients.
struct Returning {
    Returning(AttentionBlock const& block, AttentionBack const& back)
        : rows((block.query_count + 3) / 4 * 4),
          queries(static_cast<std::size_t>(rows * block.dim)),
          gradients(static_cast<std::size_t>(rows * block.value_dim)),
          of_queries(static_cast<std::size_t>(rows * block.dim)),
          shares(static_cast<std::size_t>(rows * tile_keys)),
          slopes(static_cast<std::size_t>(rows * tile_keys)),
          common(static_cast<std::size_t>(rows)) {
        for (std::int64_t row = 0; row < block.query_count; ++row) {
            auto const* query = block.queries + row * block.query_stride;
            for (std::int64_t d = 0; d < block.dim; ++d)
                queries[static_cast<std::size_t>(row * block.dim + d)] = query[d] * block.scale;
            auto const *gradient = back.gradients + row * back.gradient_stride,
                       *result = back.results + row * back.result_stride;
            float product = 0;
            for (std::int64_t d = 0; d < block.value_dim; ++d) {
                gradients[static_cast<std::size_t>(row * block.value_dim + d)] = gradient[d];
                product += gradient[d] * result[d];
            }
            common[static_cast<std::size_t>(row)] = product;
        }
    }
    std::int64_t rows;  // a multiple of four, as above
    std::vector<float> queries, gradients, of_queries, shares, slopes, common;
};

// Scores become shares, and the gradients of shares those of scores; 0 where a query sees nothing.
MOEWIRE_AVX2 void return_row(Seen seen, float log_total, float common, float* shares, float* slopes) {
    auto const base = _mm256_set1_ps(log_total), shift = _mm256_set1_ps(common);
    for (std::int64_t key = 0; key < tile_keys; key += lanes) {
        if (key >= seen.end || key + lanes <= seen.begin) {
            _mm256_storeu_ps(shares + key, _mm256_setzero_ps());
            _mm256_storeu_ps(slopes + key, _mm256_setzero_ps());
            continue;
        }
        auto const share = exponential(_mm256_sub_ps(_mm256_loadu_ps(shares + key), base));
        _mm256_storeu_ps(shares + key, share);
        _mm256_storeu_ps(slopes + key,
                         _mm256_mul_ps(share, _mm256_sub_ps(_mm256_loadu_ps(slopes + key), shift)));
    }
    for (auto key = seen.begin / lanes * lanes; key < seen.begin; ++key) shares[key] = slopes[key] = 0;
    for (auto key = seen.end; key % lanes != 0; ++key) shares[key] = slopes[key] = 0;
}

void return_tile(AttentionBlock const& block, AttentionBack const& back, std::int64_t base, Returning& run) {
    std::fill(run.shares.begin(), run.shares.end(), 0.0F);
    std::fill(run.slopes.begin(), run.slopes.end(), 0.0F);
    for (std::int64_t row = 0; row < run.rows; row += 4) {
        add_product({run.queries.data() + row * block.dim, block.dim, 1}, block.key_tiles + base * block.dim,
                    tile_keys, block.dim, run.shares.data() + row * tile_keys, tile_keys, tile_keys);
        add_product({run.gradients.data() + row * block.value_dim, block.value_dim, 1},
                    back.value_tiles + base * block.value_dim, tile_keys, block.value_dim,
                    run.slopes.data() + row * tile_keys, tile_keys, tile_keys);
    }
    for (std::int64_t row = 0; row < run.rows; ++row) {
        bool const is_query = row < block.query_count;
        return_row(seen_by(block, row, base), is_query ? back.log_totals[row] : 0,
                   run.common[static_cast<std::size_t>(row)], run.shares.data() + row * tile_keys,
                   run.slopes.data() + row * tile_keys);
    }
    auto const keys = std::min(tile_keys, block.first_query + block.query_count - base);
    for (std::int64_t row = 0; row < run.rows; row += 4)
        add_product({run.slopes.data() + row * tile_keys, tile_keys, 1},
                    back.key_rows + base * back.key_stride, back.key_stride, keys,
                    run.of_queries.data() + row * block.dim, block.dim, block.dim);
    for (std::int64_t key = 0; key < keys; key += 4) {
        add_product({run.shares.data() + key, 1, tile_keys}, run.gradients.data(), block.value_dim, run.rows,
                    back.of_values + (base + key) * block.value_dim, block.value_dim, block.value_dim);
        add_product({run.slopes.data() + key, 1, tile_keys}, run.queries.data(), block.dim, run.rows,
                    back.of_keys + (base + key) * block.dim, block.dim, block.dim);
    }
}

}  // namespace

void attend_block(AttentionBlock const& block) {
    Running run(block);
    Tiles const tiles(block);
    for (auto base = tiles.begin; base < tiles.end; base += tile_keys) {
        score_tile(block, block.key_tiles + base * block.dim, run);
        for (std::int64_t row = 0; row < run.rows; ++row) {
            auto const seen = seen_by(block, row, base);
            auto* const scores = run.scores.data() + row * tile_keys;
            if (seen.begin == seen.end) {
                std::fill_n(scores, tile_keys, 0.0F);
                continue;
            }
            weigh_row(seen, block.value_dim, scores, run.mixed.data() + row * block.value_dim,
                      run.most[static_cast<std::size_t>(row)], run.total[static_cast<std::size_t>(row)]);
        }
        mix_tile(block, block.values + base * block.value_stride, std::min(tile_keys, tiles.end - base), run);
    }
    for (std::int64_t row = 0; row < block.query_count; ++row) {
        auto const place = static_cast<std::size_t>(row);
        float const share = 1.0F / run.total[place];
        for (std::int64_t d = 0; d < block.value_dim; ++d)
            block.out[row * block.out_stride + d] =
                run.mixed[static_cast<std::size_t>(row * block.value_dim + d)] * share;
        if (block.log_totals != nullptr) block.log_totals[row] = run.most[place] + std::log(run.total[place]);
    }
}

// Source: Dao, "FlashAttention-2", 2023, algorithm 2, by blocks of queries.
void attend_block_back(AttentionBlock const& block, AttentionBack const& back) {
    Returning run(block, back);
    Tiles const tiles(block);
    for (auto base = tiles.begin; base < tiles.end; base += tile_keys) return_tile(block, back, base, run);
    for (std::int64_t row = 0; row < block.query_count; ++row)
        for (std::int64_t d = 0; d < block.dim; ++d)
            back.of_queries[row * back.of_query_stride + d] =
                run.of_queries[static_cast<std::size_t>(row * block.dim + d)] * block.scale;
}

#else

void attend_block(AttentionBlock const&) {
    MOEWIRE_EXPECT(available());
}
void attend_block_back(AttentionBlock const&, AttentionBack const&) {
    MOEWIRE_EXPECT(available());
}

#endif

}  // namespace moewire::vectors
