// Qwen1.5-MoE and Qwen2-MoE: biases on queries, keys and values, softmax over all experts, a shared expert
// behind a sigmoid gate. Source: huggingface/transformers, models/qwen2_moe (5.17).
#include "base/registry.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

Traits traits(ModelConfig const& config) {
    Traits t;
    t.qkv_bias = config.qkv_bias;
    t.rope = rope_kind_of(config);
    t.renormalise_top_k = config.norm_topk_prob;
    t.shared_expert = SharedExpert::gated;
    t.shared_expert_name = "shared_expert";
    t.moe_blocks = {"mlp"};
    t.router_names = {"gate.weight"};
    t.expert_names = {"gate_proj", "up_proj", "down_proj"};
    return t;
}

bool const registered = register_in<Architecture>(
    "qwen2_moe", "Qwen2-MoE: QKV biases, softmax router, a gated shared expert.", {traits});

}  // namespace
}  // namespace moewire
