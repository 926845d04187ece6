#include "model/host_attention.hpp"

#include <algorithm>
#include <functional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "model/host_kernels.hpp"
#include "model/vector_attention.hpp"

namespace moewire::host_kernels {

bool suit_attention(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v) {
    return suit(q) && suit(k) && suit(v) && q.size(3) % vectors::lanes == 0 &&
           v.size(3) % vectors::lanes == 0;
}

namespace {

// Rows as the tiles that vectors::attend_block reads: [sequence, kv head, tile, dim, key of the tile].
at::Tensor tiles_of(at::Tensor const& k) {
    auto const missing = (vectors::tile_keys - k.size(2) % vectors::tile_keys) % vectors::tile_keys;
    auto const whole = missing == 0 ? k : at::constant_pad_nd(k, {0, 0, 0, missing});
    return whole
        .reshape({k.size(0), k.size(1), whole.size(2) / vectors::tile_keys, vectors::tile_keys, k.size(3)})
        .transpose(3, 4)
        .contiguous();
}

float const* at_head(at::Tensor const& x, std::int64_t sequence, std::int64_t head) {
    return x.const_data_ptr<float>() + sequence * x.stride(0) + head * x.stride(1);
}

std::int64_t blocks_of(at::Tensor const& q) {
    return (q.size(2) + vectors::block_queries - 1) / vectors::block_queries;
}

// One block of queries, but for where its results go. `key_tiles`: of all keys.
vectors::AttentionBlock block_of(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                                 at::Tensor const& key_tiles, std::int64_t sequence, std::int64_t head,
                                 std::int64_t block, double scale, std::optional<std::int64_t> window) {
    auto const first = block * vectors::block_queries, kv = head / (q.size(1) / k.size(1));
    vectors::AttentionBlock work{};
    work.queries = at_head(q, sequence, head) + first * q.stride(2);
    work.query_stride = q.stride(2);
    work.query_count = std::min(vectors::block_queries, q.size(2) - first);
    work.first_query = k.size(2) - q.size(2) + first;
    work.key_tiles = at_head(key_tiles, sequence, kv);
    work.values = at_head(v, sequence, kv);
    work.value_stride = v.stride(2);
    work.keys = k.size(2);
    work.dim = q.size(3);
    work.value_dim = v.size(3);
    work.scale = static_cast<float>(scale);
    work.window = window.value_or(k.size(2) + 1);
    return work;
}

void for_each_task(std::int64_t tasks, std::function<void(std::int64_t)> const& run) {
    at::parallel_for(0, tasks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto task = begin; task < end; ++task) run(task);
    });
}

}  // namespace

at::Tensor attend(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v, double scale,
                  std::optional<std::int64_t> window, at::Tensor* log_totals) {
    auto const heads = q.size(1), positions = q.size(2), blocks = blocks_of(q);
    auto const tiles = tiles_of(k);
    auto out = at::empty({q.size(0), positions, heads, v.size(3)}, q.options());
    if (log_totals != nullptr) *log_totals = at::empty({q.size(0), heads, positions}, q.options());
    for_each_task(q.size(0) * heads * blocks, [&](std::int64_t task) {
        auto const sequence = task / blocks / heads, head = task / blocks % heads;
        // Later queries see more keys: a long block and a short one in turn share the work evenly.
        auto const place = task % blocks, block = place % 2 == 0 ? place / 2 : blocks - 1 - place / 2;
        auto const first = block * vectors::block_queries;
        auto work = block_of(q, k, v, tiles, sequence, head, block, scale, window);
        work.out = out.mutable_data_ptr<float>() + sequence * out.stride(0) + first * out.stride(1) +
                   head * out.stride(2);
        work.out_stride = out.stride(1);
        if (log_totals != nullptr)
            work.log_totals =
                log_totals->mutable_data_ptr<float>() + (sequence * heads + head) * positions + first;
        vectors::attend_block(work);
    });
    return out.transpose(1, 2);
}

AttentionGradients attend_back(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v,
                               at::Tensor const& out, at::Tensor const& log_totals,
                               at::Tensor const& gradient, double scale, std::optional<std::int64_t> window) {
    auto const heads = q.size(1), positions = q.size(2), kv_heads = k.size(1), group = heads / kv_heads;
    auto const key_tiles = tiles_of(k), value_tiles = tiles_of(v);
    auto const slope = gradient.stride(-1) == 1 ? gradient : gradient.contiguous();
    auto const whole = key_tiles.size(2) * vectors::tile_keys;
    auto of_q = at::empty({q.size(0), positions, heads, q.size(3)}, q.options());
    auto of_k = at::zeros({q.size(0), kv_heads, whole, q.size(3)}, q.options());
    auto of_v = at::zeros({q.size(0), kv_heads, whole, v.size(3)}, q.options());
    // All queries that see a key add to its gradient: one task for all of them, in one order.
    for_each_task(q.size(0) * kv_heads, [&](std::int64_t task) {
        auto const sequence = task / kv_heads, kv = task % kv_heads;
        for (auto head = kv * group; head < (kv + 1) * group; ++head) {
            for (std::int64_t block = 0; block < blocks_of(q); ++block) {
                auto const first = block * vectors::block_queries;
                auto const work = block_of(q, k, v, key_tiles, sequence, head, block, scale, window);
                vectors::AttentionBack back{};
                back.results = at_head(out, sequence, head) + first * out.stride(2);
                back.result_stride = out.stride(2);
                back.log_totals = at_head(log_totals, sequence, head) + first;
                back.gradients = at_head(slope, sequence, head) + first * slope.stride(2);
                back.gradient_stride = slope.stride(2);
                back.value_tiles = at_head(value_tiles, sequence, kv);
                back.key_rows = at_head(k, sequence, kv);
                back.key_stride = k.stride(2);
                back.of_queries = of_q.mutable_data_ptr<float>() + sequence * of_q.stride(0) +
                                  first * of_q.stride(1) + head * of_q.stride(2);
                back.of_query_stride = of_q.stride(1);
                back.of_keys = of_k.mutable_data_ptr<float>() + task * whole * q.size(3);
                back.of_values = of_v.mutable_data_ptr<float>() + task * whole * v.size(3);
                vectors::attend_block_back(work, back);
            }
        }
    });
    return {of_q.transpose(1, 2), of_k.narrow(2, 0, k.size(2)), of_v.narrow(2, 0, k.size(2))};
}

}  // namespace moewire::host_kernels
