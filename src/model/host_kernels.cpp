#include "model/host_kernels.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "model/vectors.hpp"

namespace moewire::host_kernels {

bool suit(at::Tensor const& x) {
    return vectors::available() && x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() > 0 &&
           x.numel() > 0 && x.stride(-1) == 1 && !at::GradMode::is_enabled();
}

at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps) {
    auto const rows = x.is_contiguous() ? x : x.contiguous();
    auto out = at::empty(rows.sizes(), rows.options());
    auto const width = rows.size(-1);
    auto const *from = rows.const_data_ptr<float>(), *gain = weight.const_data_ptr<float>();
    auto* const to = out.mutable_data_ptr<float>();
    auto const grain = std::max<std::int64_t>(1, 8192 / width);
    at::parallel_for(0, rows.numel() / width, grain, [&](std::int64_t begin, std::int64_t end) {
        for (auto row = begin; row < end; ++row)
            vectors::rms_norm_row(from + row * width, gain, static_cast<float>(eps), width, to + row * width);
    });
    return out;
}

at::Tensor swiglu(at::Tensor const& gate_up) {
    auto const rows = gate_up.is_contiguous() ? gate_up : gate_up.contiguous();
    auto const width = rows.size(-1) / 2;
    auto shape = rows.sizes().vec();
    shape.back() = width;
    auto out = at::empty(shape, rows.options());
    auto const* from = rows.const_data_ptr<float>();
    auto* const to = out.mutable_data_ptr<float>();
    auto const grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(width, 1));
    at::parallel_for(0, width == 0 ? 0 : out.numel() / width, grain,
                     [&](std::int64_t begin, std::int64_t end) {
                         for (auto row = begin; row < end; ++row)
                             vectors::swiglu_row(from + row * 2 * width, width, to + row * width);
                     });
    return out;
}

namespace {

// Rows of `width` numbers, shared among threads.
template <class Row>
void for_each_row(std::int64_t rows, std::int64_t width, Row const& row) {
    auto const grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(width, 1));
    at::parallel_for(0, rows, grain, [&](std::int64_t begin, std::int64_t end) {
        for (auto at = begin; at < end; ++at) row(at);
    });
}

}  // namespace

at::Tensor swiglu_back(at::Tensor const& gate_up, at::Tensor const& gradient) {
    auto const rows = gate_up.contiguous(), slopes = gradient.contiguous();
    auto const width = rows.size(-1) / 2;
    auto out = at::empty(rows.sizes(), rows.options());
    auto const *from = rows.const_data_ptr<float>(), *slope = slopes.const_data_ptr<float>();
    auto* const to = out.mutable_data_ptr<float>();
    for_each_row(width == 0 ? 0 : slopes.numel() / width, width, [&](std::int64_t row) {
        vectors::swiglu_back_row(from + row * 2 * width, slope + row * width, width, to + row * 2 * width);
    });
    return out;
}

at::Tensor log_totals(at::Tensor const& x) {
    auto const rows = x.contiguous();
    auto const width = rows.size(1);
    auto out = at::empty({rows.size(0)}, rows.options());
    auto const* from = rows.const_data_ptr<float>();
    auto* const to = out.mutable_data_ptr<float>();
    for_each_row(rows.size(0), width,
                 [&](std::int64_t row) { to[row] = vectors::log_sum_exp(from + row * width, width); });
    return out;
}

at::Tensor shares_less_targets(at::Tensor const& x, at::Tensor const& targets, at::Tensor const& totals,
                               double scale) {
    auto const rows = x.contiguous(), places = targets.contiguous();
    auto const width = rows.size(1);
    auto out = at::empty(rows.sizes(), rows.options());
    auto const *from = rows.const_data_ptr<float>(), *total = totals.const_data_ptr<float>();
    auto const* place = places.const_data_ptr<std::int64_t>();
    auto* const to = out.mutable_data_ptr<float>();
    auto const factor = static_cast<float>(scale);
    for_each_row(rows.size(0), width, [&](std::int64_t row) {
        vectors::shares_row(from + row * width, width, total[row], factor, to + row * width);
        to[row * width + place[row]] -= factor;
    });
    return out;
}

bool suit_attention(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v) {
    return suit(q) && suit(k) && suit(v) && q.size(3) % vectors::lanes == 0 &&
           v.size(3) % vectors::lanes == 0;
}

namespace {

// Keys as the tiles that vectors::attend_block reads: [sequence, kv head, tile, dim, key of the tile].
at::Tensor key_tiles(at::Tensor const& k) {
    auto const missing = (vectors::tile_keys - k.size(2) % vectors::tile_keys) % vectors::tile_keys;
    auto const whole = missing == 0 ? k : at::constant_pad_nd(k, {0, 0, 0, missing});
    return whole
        .reshape({k.size(0), k.size(1), whole.size(2) / vectors::tile_keys, vectors::tile_keys, k.size(3)})
        .transpose(3, 4)
        .contiguous();
}

}  // namespace

at::Tensor attend(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v, double scale,
                  std::optional<std::int64_t> window) {
    auto const heads = q.size(1), positions = q.size(2), keys = k.size(2), group = heads / k.size(1);
    auto const tiles = key_tiles(k);
    auto out = at::empty({q.size(0), positions, heads, v.size(3)}, q.options());
    auto const blocks = (positions + vectors::block_queries - 1) / vectors::block_queries;
    auto const run = [&](std::int64_t task) {
        auto const sequence = task / blocks / heads, head = task / blocks % heads, kv = head / group;
        // Later queries see more keys: a long block and a short one in turn share the work evenly.
        auto const place = task % blocks, block = place % 2 == 0 ? place / 2 : blocks - 1 - place / 2;
        auto const first = block * vectors::block_queries;
        vectors::AttentionBlock work;
        work.queries =
            q.const_data_ptr<float>() + sequence * q.stride(0) + head * q.stride(1) + first * q.stride(2);
        work.query_stride = q.stride(2);
        work.query_count = std::min(vectors::block_queries, positions - first);
        work.first_query = keys - positions + first;
        work.key_tiles = tiles.const_data_ptr<float>() + sequence * tiles.stride(0) + kv * tiles.stride(1);
        work.values = v.const_data_ptr<float>() + sequence * v.stride(0) + kv * v.stride(1);
        work.value_stride = v.stride(2);
        work.keys = keys;
        work.dim = q.size(3);
        work.value_dim = v.size(3);
        work.scale = static_cast<float>(scale);
        work.window = window.value_or(keys + 1);
        work.out = out.mutable_data_ptr<float>() + sequence * out.stride(0) + first * out.stride(1) +
                   head * out.stride(2);
        work.out_stride = out.stride(1);
        vectors::attend_block(work);
    };
    at::parallel_for(0, q.size(0) * heads * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto task = begin; task < end; ++task) run(task);
    });
    return out.transpose(1, 2);
}

}  // namespace moewire::host_kernels
