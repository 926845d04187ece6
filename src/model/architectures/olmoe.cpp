// OLMoE: RMSNorm, RMSNorm on queries and keys, softmax over all experts, top-8 not renormalised unless asked.
// Source: huggingface/transformers, models/olmoe (5.17).
#include "base/registry.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

Traits traits(ModelConfig const& config) {
    Traits t;
    t.qkv_bias = t.attention_out_bias = config.attention_bias;
    t.rope = rope_kind_of(config);
    t.qk_norm = QkNorm::whole;
    t.clip_qkv = config.clip_qkv;
    t.renormalise_top_k = config.norm_topk_prob;
    t.moe_blocks = {"mlp"};
    t.router_names = {"gate.weight"};
    t.expert_names = {"gate_proj", "up_proj", "down_proj"};
    return t;
}

bool const registered = register_in<Architecture>(
    "olmoe", "OLMoE: RMSNorm, QK-norm, softmax router, many small experts.", {traits});

}  // namespace
}  // namespace moewire
