// Qwen3-MoE: RMSNorm on each query and key head, softmax over all experts, top-8, no shared expert.
// Source: huggingface/transformers, models/qwen3_moe (5.17).
#include "base/registry.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

Traits traits(ModelConfig const& config) {
    Traits t;
    t.qkv_bias = t.attention_out_bias = config.attention_bias;
    t.qk_norm = QkNorm::per_head;
    t.rope = rope_kind_of(config);
    t.renormalise_top_k = config.norm_topk_prob;
    t.moe_blocks = {"mlp"};
    t.router_names = {"gate.weight"};
    t.expert_names = {"gate_proj", "up_proj", "down_proj"};
    return t;
}

bool const registered = register_in<Architecture>(
    "qwen3_moe", "Qwen3-MoE: QK-norm per head, softmax router, many small experts.", {traits});

}  // namespace
}  // namespace moewire
