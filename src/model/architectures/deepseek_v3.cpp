// DeepSeek-V3: latent attention, dense layers first, sigmoid router in fp32 with a bias in the choice alone,
// groups scored by their two best, renormalised and scaled weights, a shared expert.
// Source: huggingface/transformers, models/deepseek_v3 (5.17); arXiv 2412.19437.
#include "base/registry.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

Traits traits(ModelConfig const& config) {
    Traits t;
    t.attention = AttentionKind::latent;
    t.attention_out_bias = config.attention_bias;
    t.rope = rope_kind_of(config);
    t.rope_pairs = config.rope_interleave ? RopePairs::neighbours : RopePairs::halves;
    t.router = RouterKind::sigmoid;
    t.router_in_fp32 = true;
    t.choice_bias = "gate.e_score_correction_bias";
    t.group_score = GroupScore::best_two;
    t.renormalise_top_k = config.norm_topk_prob;
    t.weight_scale = config.routed_scaling_factor;
    t.shared_expert = SharedExpert::plain;
    t.shared_expert_name = "shared_experts";
    t.moe_blocks = {"mlp"};
    t.router_names = {"gate.weight"};
    t.expert_names = {"gate_proj", "up_proj", "down_proj"};
    return t;
}

bool const registered = register_in<Architecture>(
    "deepseek_v3", "DeepSeek-V3: latent attention, bias-corrected sigmoid router, a shared expert.",
    {traits});

}  // namespace
}  // namespace moewire
