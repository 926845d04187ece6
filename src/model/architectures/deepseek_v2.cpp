// DeepSeek-V2: latent attention, dense layers first, softmax router in fp32 (optionally of a few groups of
// experts, scored by their best), scaled weights, shared experts.
// Source: huggingface/transformers, models/deepseek_v2 (5.17); arXiv 2405.04434.
#include "base/registry.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

Traits traits(ModelConfig const& config) {
    Traits t;
    t.attention = AttentionKind::latent;
    t.attention_out_bias = config.attention_bias;
    t.rope = rope_kind_of(config);
    t.rope_pairs = RopePairs::neighbours;
    t.router_in_fp32 = true;
    if (config.topk_method == "group_limited_greedy") t.group_score = GroupScore::best;
    t.weight_scale = config.routed_scaling_factor;  // 5.17 never renormalises, whatever norm_topk_prob says
    t.shared_expert = SharedExpert::plain;
    t.shared_expert_name = "shared_experts";
    t.moe_blocks = {"mlp"};
    t.router_names = {"gate.weight"};
    t.expert_names = {"gate_proj", "up_proj", "down_proj"};
    return t;
}

bool const registered = register_in<Architecture>(
    "deepseek_v2", "DeepSeek-V2: latent attention, group-limited softmax router, shared experts.", {traits});

}  // namespace
}  // namespace moewire
