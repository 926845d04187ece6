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

namespace {

constexpr std::int64_t numbers_a_thread = 8192;  // fewer are not worth waking one

std::int64_t rows_at_once(std::int64_t width) {
    return std::max<std::int64_t>(1, numbers_a_thread / std::max<std::int64_t>(width, 1));
}

// Rows of `width` numbers, shared among threads.
template <class Row>
void for_each_row(std::int64_t rows, std::int64_t width, Row const& row) {
    at::parallel_for(0, rows, rows_at_once(width), [&](std::int64_t begin, std::int64_t end) {
        for (auto at = begin; at < end; ++at) row(at);
    });
}

}  // namespace

at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps, at::Tensor* scales) {
    auto const rows = x.contiguous();
    auto out = at::empty(rows.sizes(), rows.options());
    auto const width = rows.size(-1), count = rows.numel() / width;
    if (scales != nullptr) *scales = at::empty({count}, rows.options());
    auto* const scale = scales != nullptr ? scales->mutable_data_ptr<float>() : nullptr;
    auto const *from = rows.const_data_ptr<float>(), *gain = weight.const_data_ptr<float>();
    auto* const to = out.mutable_data_ptr<float>();
    for_each_row(count, width, [&](std::int64_t row) {
        float const used =
            vectors::rms_norm_row(from + row * width, gain, static_cast<float>(eps), width, to + row * width);
        if (scale != nullptr) scale[row] = used;
    });
    return out;
}

NormGradients rms_norm_back(at::Tensor const& x, at::Tensor const& weight, at::Tensor const& scales,
                            at::Tensor const& gradient) {
    auto const rows = x.contiguous(), slopes = gradient.contiguous();
    auto const width = rows.size(-1), count = rows.numel() / width, at_once = rows_at_once(width);
    // Blocks are cut by size, not by the number of threads: the same sum each time.
    auto const blocks = (count + at_once - 1) / at_once;
    auto of_x = at::empty(rows.sizes(), rows.options());
    auto const of_weight = at::zeros({blocks, width}, rows.options());
    auto const *from = rows.const_data_ptr<float>(), *slope = slopes.const_data_ptr<float>(),
               *gain = weight.const_data_ptr<float>(), *scale = scales.const_data_ptr<float>();
    auto *const to = of_x.mutable_data_ptr<float>(), *const of_gain = of_weight.mutable_data_ptr<float>();
    at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto block = begin; block < end; ++block)
            for (auto row = block * at_once; row < std::min(count, (block + 1) * at_once); ++row)
                vectors::rms_norm_back_row(from + row * width, gain, scale[row], slope + row * width, width,
                                           to + row * width, of_gain + block * width);
    });
    return {of_x, of_weight.sum(0)};
}

at::Tensor combine(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights) {
    auto const rows = results.contiguous(), places = place.contiguous(), shares = weights.contiguous();
    auto const width = rows.size(1), top_k = shares.size(1);
    auto out = at::empty({shares.size(0), width}, rows.options());
    auto const *from = rows.const_data_ptr<float>(), *share = shares.const_data_ptr<float>();
    auto const* at_row = places.const_data_ptr<std::int64_t>();
    auto* const to = out.mutable_data_ptr<float>();
    for_each_row(shares.size(0), width * top_k, [&](std::int64_t token) {
        for (std::int64_t choice = 0; choice < top_k; ++choice) {
            auto const pair = token * top_k + choice;
            (choice == 0 ? vectors::scale_row : vectors::add_scaled_row)(
                from + at_row[pair] * width, share[pair], width, to + token * width);
        }
    });
    return out;
}

CombineGradients combine_back(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights,
                              at::Tensor const& gradient) {
    auto const rows = results.contiguous(), places = place.contiguous(), shares = weights.contiguous(),
               slopes = gradient.contiguous();
    auto const width = rows.size(1), top_k = shares.size(1);
    CombineGradients back{at::empty_like(rows), at::empty_like(shares)};
    auto const *from = rows.const_data_ptr<float>(), *share = shares.const_data_ptr<float>(),
               *slope = slopes.const_data_ptr<float>();
    auto const* at_row = places.const_data_ptr<std::int64_t>();
    auto *const of_row = back.of_results.mutable_data_ptr<float>(), *const of_share =
                                                                        back.of_weights
                                                                            .mutable_data_ptr<float>();
    for_each_row(shares.size(0), width * top_k, [&](std::int64_t token) {
        for (auto pair = token * top_k; pair < (token + 1) * top_k; ++pair) {
            auto const place_of = at_row[pair] * width;
            of_share[pair] = vectors::dot_row(from + place_of, slope + token * width, width);
            vectors::scale_row(slope + token * width, share[pair], width, of_row + place_of);
        }
    });
    return back;
}

at::Tensor swiglu(at::Tensor const& gate_up) {
    auto const rows = gate_up.contiguous();
    auto const width = rows.size(-1) / 2;
    auto shape = rows.sizes().vec();
    shape.back() = width;
    auto out = at::empty(shape, rows.options());
    auto const* from = rows.const_data_ptr<float>();
    auto* const to = out.mutable_data_ptr<float>();
    for_each_row(width == 0 ? 0 : out.numel() / width, width, [&](std::int64_t row) {
        vectors::swiglu_row(from + row * 2 * width, width, to + row * width);
    });
    return out;
}

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

double cross_entropy_in_place(at::Tensor logits, at::Tensor const& targets) {
    auto const places = targets.contiguous();
    auto const width = logits.size(1);
    auto const nll = at::empty({logits.size(0)}, logits.options());
    auto const* place = places.const_data_ptr<std::int64_t>();
    auto *const from = logits.mutable_data_ptr<float>(), *const to = nll.mutable_data_ptr<float>();
    for_each_row(logits.size(0), width, [&](std::int64_t at) {
        auto* const row = from + at * width;
        float const of_target = row[place[at]];
        to[at] = vectors::softmax_row(row, width, row) - of_target;
        row[place[at]] -= 1;
    });
    return nll.sum(at::kDouble).item<double>();
}

}  // namespace moewire::host_kernels
