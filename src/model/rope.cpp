#include "model/rope.hpp"

#include <ATen/ATen.h>

namespace moewire {

RotaryEmbedding::RotaryEmbedding(ModelConfig const& config, RopeKind kind, LongRope rule,
                                 at::ScalarType dtype)
    : rope_(config.rope), head_dim_(config.head_dim), kind_(kind), rule_(rule), dtype_(dtype) {}

bool RotaryEmbedding::is_long(std::int64_t positions) const {
    return kind_ == RopeKind::longrope && positions > rope_.original_max_positions;
}

RopeTable const& RotaryEmbedding::table(std::int64_t positions) {
    auto const found = tables_.find(positions);
    if (found != tables_.end()) return found->second;

    auto factors = at::ones({head_dim_ / 2}, at::kFloat);
    double scale = 1;
    if (kind_ == RopeKind::longrope) {
        bool const use_long = is_long(positions) && rule_ == LongRope::config;
        auto const& list = use_long ? rope_.long_factor : rope_.short_factor;
        factors = at::tensor(list, at::kDouble).to(at::kFloat);
        scale = is_long(positions) ? rope_.long_mscale : rope_.short_mscale;
    }
    auto const exponent = at::arange(0, head_dim_, 2, at::kFloat) / static_cast<double>(head_dim_);
    auto const inverse = 1.0 / (factors * at::pow(rope_.theta, exponent));
    auto const angle = at::outer(at::arange(positions, at::kFloat), inverse);
    RopeTable table{(angle.cos() * scale).to(dtype_), (angle.sin() * scale).to(dtype_)};
    return tables_.emplace(positions, std::move(table)).first->second;
}

at::Tensor rotate(at::Tensor const& x, RopeTable const& table) {
    auto const half = x.size(-1) / 2;
    auto const first = x.narrow(-1, 0, half), second = x.narrow(-1, half, half);
    auto const cos = table.cos.unsqueeze(1),
               sin = table.sin.unsqueeze(1);  // [position, 1, half]: the same for all heads
    return at::cat({first * cos - second * sin, second * cos + first * sin}, -1);
}

}  // namespace moewire
