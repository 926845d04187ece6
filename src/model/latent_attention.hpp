// How do DeepSeek's tokens see each other? Multi-head latent attention: what is kept of a position is narrow,
// and every head's key and value are made from it.
#pragma once

#include "model/attention.hpp"

namespace moewire {

// Source: DeepSeek-V2, arXiv 2405.04434, section 2.1; transformers 5.17, models/deepseek_v3.
class LatentAttentionLayer : public Attention {
  public:
    LatentAttentionLayer(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                         std::int64_t layer);
    at::Tensor forward(at::Tensor const& x, AttentionContext const& context) const override;
    LayerCache make_cache(std::int64_t sequences, std::int64_t positions) const override;

  private:
    at::Tensor queries(at::Tensor const& x) const;  // [sequence, position, head, nope + rope]

    std::int64_t heads_;
    LatentAttention sizes_;
    RopePairs rope_pairs_;
    AttendOptions options_;
    at::Tensor q_weight_;                          // without a narrow layer in front of the queries
    at::Tensor q_a_weight_, q_a_bias_, q_a_norm_;  // with one
    at::Tensor q_b_weight_;
    at::Tensor kv_a_weight_, kv_a_bias_, kv_a_norm_, kv_b_weight_;
    at::Tensor out_weight_, out_bias_;
};

}  // namespace moewire
