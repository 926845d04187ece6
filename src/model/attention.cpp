#include "model/attention.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "model/latent_attention.hpp"

namespace moewire {
namespace {

class GroupedQueryAttention : public Attention {
  public:
    GroupedQueryAttention(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                          std::int64_t layer);
    at::Tensor forward(at::Tensor const& x, AttentionContext const& context) const override;
    LayerCache make_cache(std::int64_t sequences, std::int64_t positions) const override;
    bool knows_device_position() const override { return true; }

  private:
    at::Tensor normed(at::Tensor const& x, at::Tensor const& weight, std::int64_t heads) const;

    std::int64_t heads_, kv_heads_, head_dim_;
    double norm_eps_;
    QkNorm qk_norm_;
    RopePairs rope_pairs_;
    std::optional<double> clip_qkv_;
    AttendOptions options_;
    // Query, key and value stacked: one product instead of three.
    at::Tensor qkv_weight_, qkv_bias_, out_weight_, out_bias_;
    at::Tensor q_norm_, k_norm_;  // undefined without QK-norm
};

GroupedQueryAttention::GroupedQueryAttention(WeightReader const& reader, ModelConfig const& config,
                                             Traits const& traits, std::int64_t layer)
    : heads_(config.heads),
      kv_heads_(config.kv_heads),
      head_dim_(config.head_dim),
      norm_eps_(config.norm_eps),
      qk_norm_(traits.qk_norm),
      rope_pairs_(traits.rope_pairs),
      clip_qkv_(traits.clip_qkv) {
    options_.scale = 1.0 / std::sqrt(static_cast<double>(head_dim_));
    auto const& sliding = config.sliding_layers;
    if (std::binary_search(sliding.begin(), sliding.end(), layer)) options_.window = config.sliding_window;

    auto const prefix = fmt::format("model.layers.{}.self_attn.", layer);
    std::int64_t const hidden = config.hidden_size, q = heads_ * head_dim_, kv = kv_heads_ * head_dim_;
    auto const stacked = [&](char const* kind, std::int64_t columns) {
        return reader.read_stacked({{fmt::format("{}q_proj.{}", prefix, kind), q},
                                    {fmt::format("{}k_proj.{}", prefix, kind), kv},
                                    {fmt::format("{}v_proj.{}", prefix, kind), kv}},
                                   columns);
    };
    qkv_weight_ = stacked("weight", hidden);
    out_weight_ = reader.read(prefix + "o_proj.weight", {hidden, q});
    if (traits.qkv_bias) qkv_bias_ = stacked("bias", 0);
    if (traits.attention_out_bias) out_bias_ = reader.read(prefix + "o_proj.bias", {hidden});
    if (traits.sinks) options_.sinks = reader.read(prefix + "sinks", {heads_});
    if (qk_norm_ == QkNorm::none) return;
    bool const whole = qk_norm_ == QkNorm::whole;
    q_norm_ = reader.read(prefix + "q_norm.weight", {whole ? q : head_dim_});
    k_norm_ = reader.read(prefix + "k_norm.weight", {whole ? kv : head_dim_});
}

// Shape of `x`: [sequence, position, heads x head_dim]; of the result [sequence, position, head, head_dim].
at::Tensor GroupedQueryAttention::normed(at::Tensor const& x, at::Tensor const& weight,
                                         std::int64_t heads) const {
    auto parts = qk_norm_ == QkNorm::whole ? rms_norm(x, weight, norm_eps_) : x;
    if (clip_qkv_) parts = parts.clamp(-*clip_qkv_, *clip_qkv_);
    auto const by_head = parts.reshape({x.size(0), x.size(1), heads, head_dim_});
    return qk_norm_ == QkNorm::per_head ? rms_norm(by_head, weight, norm_eps_) : by_head;
}

at::Tensor GroupedQueryAttention::forward(at::Tensor const& x, AttentionContext const& context) const {
    std::int64_t const batch = x.size(0), positions = x.size(1), kv = kv_heads_ * head_dim_;
    auto parts = product(x, qkv_weight_, qkv_bias_).split_with_sizes({heads_ * head_dim_, kv, kv}, -1);
    if (clip_qkv_) parts[2] = parts[2].clamp(-*clip_qkv_, *clip_qkv_);
    auto const q = rotate(normed(parts[0], q_norm_, heads_), context.rope, rope_pairs_).transpose(1, 2);
    auto k = rotate(normed(parts[1], k_norm_, kv_heads_), context.rope, rope_pairs_).transpose(1, 2);
    auto v = parts[2].reshape({batch, positions, kv_heads_, head_dim_}).transpose(1, 2);
    if (context.position.defined()) {
        auto& cache = *context.cache;
        cache.first.index_copy_(2, context.position, k);
        cache.second.index_copy_(2, context.position, v);
        auto const mixed = attend_at(q, cache.first, cache.second, context.position, options_);
        return product(mixed.reshape({batch, positions, heads_ * head_dim_}), out_weight_, out_bias_);
    }
    if (context.cache != nullptr) {
        k = LayerCache::append(context.cache->first, k, context.past);
        v = LayerCache::append(context.cache->second, v, context.past);
    }
    auto const mixed = attend(q, k, v, options_).transpose(1, 2);
    return product(mixed.reshape({batch, positions, heads_ * head_dim_}), out_weight_, out_bias_);
}

LayerCache GroupedQueryAttention::make_cache(std::int64_t sequences, std::int64_t positions) const {
    auto const room = [&] {
        return at::zeros({sequences, kv_heads_, positions, head_dim_}, qkv_weight_.options());
    };
    return {room(), room()};
}

}  // namespace

at::Tensor LayerCache::append(at::Tensor const& kept, at::Tensor const& fresh, std::int64_t past) {
    kept.narrow(2, past, fresh.size(2)).copy_(fresh);
    return kept.narrow(2, 0, past + fresh.size(2));
}

std::unique_ptr<Attention> make_attention(WeightReader const& reader, ModelConfig const& config,
                                          Traits const& traits, std::int64_t layer) {
    if (traits.attention == AttentionKind::latent)
        return std::make_unique<LatentAttentionLayer>(reader, config, traits, layer);
    return std::make_unique<GroupedQueryAttention>(reader, config, traits, layer);
}

}  // namespace moewire
