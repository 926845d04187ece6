#include "model/attention.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace moewire {
namespace {

// Key j is seen by query i when i - window < j <= i. Shape: [position, position], bool.
at::Tensor sliding_mask(std::int64_t positions, std::int64_t window) {
    return at::ones({positions, positions}, at::kBool).tril().triu(1 - window);
}

}  // namespace

at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps) {
    auto const wide = x.to(at::kFloat);
    auto const scale = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
    return (wide * scale).to(x.scalar_type()) * weight;
}

Attention::Attention(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                     std::size_t layer)
    : heads_(config.heads),
      kv_heads_(config.kv_heads),
      head_dim_(config.head_dim),
      norm_eps_(config.norm_eps),
      clip_qkv_(traits.clip_qkv),
      sliding_window_(traits.sliding_window) {
    auto const prefix = fmt::format("model.layers.{}.self_attn.", layer);
    std::int64_t const hidden = config.hidden_size, q = heads_ * head_dim_, kv = kv_heads_ * head_dim_;
    auto const weight = [&](char const* part, std::int64_t rows, std::int64_t columns) {
        return reader.read(prefix + part + "_proj.weight", {rows, columns});
    };
    auto const bias = [&](char const* part, std::int64_t rows) {
        return reader.read(prefix + part + "_proj.bias", {rows});
    };
    qkv_weight_ = at::cat({weight("q", q, hidden), weight("k", kv, hidden), weight("v", kv, hidden)});
    out_weight_ = weight("o", hidden, q);
    if (traits.attention_bias) {
        qkv_bias_ = at::cat({bias("q", q), bias("k", kv), bias("v", kv)});
        out_bias_ = bias("o", hidden);
    }
    if (traits.qk_norm == QkNorm::whole) {
        q_norm_ = reader.read(prefix + "q_norm.weight", {q});
        k_norm_ = reader.read(prefix + "k_norm.weight", {kv});
    }
}

at::Tensor Attention::forward(at::Tensor const& x, RopeTable const& rope) const {
    std::int64_t const batch = x.size(0), positions = x.size(1), kv = kv_heads_ * head_dim_;
    auto parts = at::linear(x, qkv_weight_, qkv_bias_).split_with_sizes({heads_ * head_dim_, kv, kv}, -1);
    if (q_norm_.defined()) {
        parts[0] = rms_norm(parts[0], q_norm_, norm_eps_);
        parts[1] = rms_norm(parts[1], k_norm_, norm_eps_);
    }
    if (clip_qkv_) {
        for (auto& part : parts) part = part.clamp(-*clip_qkv_, *clip_qkv_);
    }
    auto const q = rotate(parts[0].view({batch, positions, heads_, head_dim_}), rope).transpose(1, 2);
    auto k = rotate(parts[1].reshape({batch, positions, kv_heads_, head_dim_}), rope).transpose(1, 2);
    auto v = parts[2].reshape({batch, positions, kv_heads_, head_dim_}).transpose(1, 2);
    if (kv_heads_ != heads_) {
        k = k.repeat_interleave(heads_ / kv_heads_, 1);
        v = v.repeat_interleave(heads_ / kv_heads_, 1);
    }
    // The fused kernel needs no mask; a window narrower than the sequence does.
    bool const windowed = sliding_window_ && *sliding_window_ < positions;
    std::optional<at::Tensor> mask;
    if (windowed) mask = sliding_mask(positions, *sliding_window_);
    auto const mixed = at::scaled_dot_product_attention(q, k, v, mask, 0.0, /*is_causal=*/!windowed);
    return at::linear(mixed.transpose(1, 2).reshape({batch, positions, heads_ * head_dim_}), out_weight_,
                      out_bias_);
}

}  // namespace moewire
