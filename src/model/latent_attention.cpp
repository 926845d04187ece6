#include "model/latent_attention.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace moewire {
namespace {

constexpr double latent_norm_eps = 1e-6;  // fixed in transformers, whatever rms_norm_eps says

// With yarn the temperature of the softmax changes too, by what mscale_all_dim says.
double softmax_scale(ModelConfig const& config) {
    auto const& rope = config.rope;
    double const plain =
        1.0 / std::sqrt(static_cast<double>(config.latent.nope_head_dim + config.latent.rope_head_dim));
    if (rope.type == "default" || rope.mscale_all_dim <= 0) return plain;
    double const magnitude = yarn_magnitude(rope.factor.value_or(1.0), rope.mscale_all_dim);
    return plain * magnitude * magnitude;
}

}  // namespace

LatentAttentionLayer::LatentAttentionLayer(WeightReader const& reader, ModelConfig const& config,
                                           Traits const& traits, std::int64_t layer)
    : heads_(config.heads), sizes_(config.latent), rope_pairs_(traits.rope_pairs) {
    options_.scale = softmax_scale(config);
    auto const prefix = fmt::format("model.layers.{}.self_attn.", layer);
    std::int64_t const hidden = config.hidden_size, narrow = sizes_.q_lora_rank;
    std::int64_t const queries = heads_ * (sizes_.nope_head_dim + sizes_.rope_head_dim);
    std::int64_t const kept = sizes_.kv_lora_rank + sizes_.rope_head_dim;
    bool const bias = traits.attention_out_bias;
    if (narrow == 0) {
        q_weight_ = reader.read(prefix + "q_proj.weight", {queries, hidden});
    } else {
        q_a_weight_ = reader.read(prefix + "q_a_proj.weight", {narrow, hidden});
        if (bias) q_a_bias_ = reader.read(prefix + "q_a_proj.bias", {narrow});
        q_a_norm_ = reader.read(prefix + "q_a_layernorm.weight", {narrow});
        q_b_weight_ = reader.read(prefix + "q_b_proj.weight", {queries, narrow});
    }
    kv_a_weight_ = reader.read(prefix + "kv_a_proj_with_mqa.weight", {kept, hidden});
    if (bias) kv_a_bias_ = reader.read(prefix + "kv_a_proj_with_mqa.bias", {kept});
    kv_a_norm_ = reader.read(prefix + "kv_a_layernorm.weight", {sizes_.kv_lora_rank});
    kv_b_weight_ = reader.read(prefix + "kv_b_proj.weight",
                               {heads_ * (sizes_.nope_head_dim + sizes_.v_head_dim), sizes_.kv_lora_rank});
    out_weight_ = reader.read(prefix + "o_proj.weight", {hidden, heads_ * sizes_.v_head_dim});
    if (bias) out_bias_ = reader.read(prefix + "o_proj.bias", {hidden});
}

at::Tensor LatentAttentionLayer::queries(at::Tensor const& x) const {
    auto const flat =
        q_weight_.defined()
            ? product(x, q_weight_)
            : product(rms_norm(product(x, q_a_weight_, q_a_bias_), q_a_norm_, latent_norm_eps), q_b_weight_);
    return flat.view({x.size(0), x.size(1), heads_, -1});
}

at::Tensor LatentAttentionLayer::forward(at::Tensor const& x, AttentionContext const& context) const {
    std::int64_t const batch = x.size(0), positions = x.size(1), nope = sizes_.nope_head_dim;
    auto const q = queries(x).split_with_sizes({nope, sizes_.rope_head_dim}, -1);
    auto const kept = product(x, kv_a_weight_, kv_a_bias_)
                          .split_with_sizes({sizes_.kv_lora_rank, sizes_.rope_head_dim}, -1);
    // One latent vector and one rotated key a position, for all heads.
    auto latent = rms_norm(kept[0], kv_a_norm_, latent_norm_eps).unsqueeze(1);
    auto rotated = rotate(kept[1].unsqueeze(2), context.rope, rope_pairs_).transpose(1, 2);
    if (context.cache != nullptr) {
        latent = LayerCache::append(context.cache->first, latent, context.past);
        rotated = LayerCache::append(context.cache->second, rotated, context.past);
    }
    auto const keys = latent.size(2);
    auto const wide = product(latent.squeeze(1), kv_b_weight_)
                          .view({batch, keys, heads_, nope + sizes_.v_head_dim})
                          .transpose(1, 2)
                          .split_with_sizes({nope, sizes_.v_head_dim}, -1);
    auto const k = at::cat({wide[0], rotated.expand({-1, heads_, -1, -1})}, -1);
    auto const all_q = at::cat({q[0], rotate(q[1], context.rope, rope_pairs_)}, -1).transpose(1, 2);
    auto const mixed = attend(all_q, k, wide[1], options_).transpose(1, 2);
    return product(mixed.reshape({batch, positions, heads_ * sizes_.v_head_dim}), out_weight_, out_bias_);
}

LayerCache LatentAttentionLayer::make_cache(std::int64_t sequences, std::int64_t positions) const {
    auto const room = [&](std::int64_t width) {
        return at::zeros({sequences, 1, positions, width}, kv_a_weight_.options());
    };
    return {room(sizes_.kv_lora_rank), room(sizes_.rope_head_dim)};
}

}  // namespace moewire
