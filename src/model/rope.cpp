#include "model/rope.hpp"

#include <algorithm>
#include <c10/core/InferenceMode.h>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "gpu/gpu.hpp"
#include "model/kernels.hpp"

namespace moewire {

double yarn_magnitude(double factor, double mscale) {
    return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

RotaryEmbedding::RotaryEmbedding(ModelConfig const& config, RopeKind kind, LongRope rule,
                                 at::TensorOptions const& options)
    : rope_(config.rope), rotated_(config.head_dim), kind_(kind), rule_(rule), options_(options) {}

bool RotaryEmbedding::is_long(std::int64_t positions) const {
    return kind_ == RopeKind::longrope && positions > rope_.original_max_positions;
}

RotaryEmbedding::Frequencies RotaryEmbedding::frequencies(bool beyond_original) const {
    if (kind_ == RopeKind::yarn) return yarn();
    auto const exponent = at::arange(0, rotated_, 2, at::kFloat) / static_cast<double>(rotated_);
    auto const plain = at::pow(rope_.theta, exponent);
    if (kind_ == RopeKind::plain) return {1.0 / plain, 1.0};
    bool const use_long = beyond_original && rule_ == LongRope::config;
    auto const factors =
        at::tensor(use_long ? rope_.long_factor : rope_.short_factor, at::kDouble).to(at::kFloat);
    return {1.0 / (factors * plain), beyond_original ? rope_.long_mscale : rope_.short_mscale};
}

// Source: transformers 5.17, modeling_rope_utils.py, _compute_yarn_parameters.
RotaryEmbedding::Frequencies RotaryEmbedding::yarn() const {
    double const factor = rope_.factor.value_or(1.0), dim = static_cast<double>(rotated_);
    auto const dimension_of = [&](double turns) {
        double const length = static_cast<double>(rope_.original_max_positions);
        return dim * std::log(length / (turns * 2 * std::numbers::pi)) / (2 * std::log(rope_.theta));
    };
    double low = dimension_of(rope_.beta_fast), high = dimension_of(rope_.beta_slow);
    if (rope_.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, dim - 1);
    if (low == high) high += 0.001;  // no division by zero
    auto const ramp = ((at::arange(rotated_ / 2, at::kFloat) - low) / (high - low)).clamp(0, 1);
    auto const plain =
        at::pow(rope_.theta, at::arange(0, rotated_, 2, at::kFloat) / static_cast<double>(rotated_));
    auto const kept = 1 - ramp;
    auto const inverse = 1.0 / (factor * plain) * (1 - kept) + 1.0 / plain * kept;
    bool const both = rope_.mscale > 0 && rope_.mscale_all_dim > 0;
    double const magnitude =
        both ? yarn_magnitude(factor, rope_.mscale) / yarn_magnitude(factor, rope_.mscale_all_dim)
             : yarn_magnitude(factor, 1.0);
    return {inverse, rope_.attention_factor.value_or(magnitude)};
}

RopeTable const& RotaryEmbedding::whole(std::int64_t count) {
    auto& table = tables_[is_long(count)];
    if (table.cos.defined() && table.cos.size(0) >= count) return table;
    // Tables outlive the pass that first needs them, which may be one without gradients.
    c10::InferenceMode const usual(false);
    auto const size = std::max<std::int64_t>(count, table.cos.defined() ? 2 * table.cos.size(0) : 0);
    auto const [inverse, magnitude] = frequencies(is_long(count));
    auto const angle = at::outer(at::arange(size, at::kFloat), inverse);
    table = {(angle.cos() * magnitude).to(options_), (angle.sin() * magnitude).to(options_)};
    return table;
}

RopeTable RotaryEmbedding::table(std::int64_t begin, std::int64_t count) {
    auto const& all = whole(begin + count);
    return {all.cos.narrow(0, begin, count), all.sin.narrow(0, begin, count)};
}

namespace {

// One pass instead of seven. Shape of `x`: [sequence, position, head, rotated], the last dimension
// contiguous.
at::Tensor rotate_on_host(at::Tensor const& x, RopeTable const& table, RopePairs pairs) {
    auto out = at::empty(x.sizes(), x.options());
    auto const positions = x.size(1), heads = x.size(2), half = x.size(3) / 2;
    bool const halves = pairs == RopePairs::halves;
    std::int64_t const step = halves ? 1 : 2, second = halves ? half : 1;
    auto const* from = x.const_data_ptr<float>();
    auto const *cos = table.cos.const_data_ptr<float>(), *sin = table.sin.const_data_ptr<float>();
    auto* to = out.mutable_data_ptr<float>();
    at::parallel_for(0, x.size(0) * positions, 16, [&](std::int64_t begin, std::int64_t end) {
        for (auto row = begin; row < end; ++row) {
            auto const position = row % positions;
            auto const *c = cos + position * half, *s = sin + position * half;
            for (std::int64_t head = 0; head < heads; ++head) {
                auto const* a =
                    from + row / positions * x.stride(0) + position * x.stride(1) + head * x.stride(2);
                auto* result = to + (row * heads + head) * 2 * half;
                for (std::int64_t i = 0; i < half; ++i) {
                    float const first = a[i * step], other = a[i * step + second];
                    result[i] = first * c[i] - other * s[i];
                    result[i + half] = other * c[i] + first * s[i];
                }
            }
        }
    });
    return out;
}

}  // namespace

at::Tensor rotate(at::Tensor const& x, RopeTable const& table, RopePairs pairs) {
    bool const plain = x.is_cpu() && x.scalar_type() == at::kFloat && x.stride(3) == 1 &&
                       table.cos.is_contiguous() && !at::GradMode::is_enabled();
    if (plain) return rotate_on_host(x, table, pairs);
    if (is_for_gpu(x)) {
        return gpu().rotate(x, table.cos, table.sin,
                            pairs == RopePairs::halves ? Gpu::Pairs::halves : Gpu::Pairs::neighbours);
    }
    auto const half = x.size(-1) / 2;
    bool const halves = pairs == RopePairs::halves;
    auto const first = halves ? x.narrow(-1, 0, half) : x.slice(-1, 0, std::nullopt, 2);
    auto const second = halves ? x.narrow(-1, half, half) : x.slice(-1, 1, std::nullopt, 2);
    auto const cos = table.cos.unsqueeze(1),
               sin = table.sin.unsqueeze(1);  // [position, 1, half]: the same for all heads
    return at::cat({first * cos - second * sin, second * cos + first * sin}, -1);
}

}  // namespace moewire
