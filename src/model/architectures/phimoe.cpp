// Phi-3.5-MoE: LayerNorm and biases, longrope with its own magnitude scales, SparseMixer router (top-2
// alone). Source: huggingface/transformers, models/phimoe (5.17); router: arXiv 2409.12136.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

Traits traits(ModelConfig const& config) {
    if (config.top_k != 2) {
        throw input_error(
            "model", fmt::format("phimoe with num_experts_per_tok {} is not defined (SparseMixer picks two "
                                 "experts); set it to 2",
                                 config.top_k));
    }
    Traits t;
    t.norm = NormKind::layer;
    t.qkv_bias = t.attention_out_bias = config.attention_bias;
    t.rope = rope_kind_of(config);
    t.router = RouterKind::sparse_mixer;
    t.lm_head_bias = config.lm_head_bias;
    t.moe_blocks = {"block_sparse_moe", "mlp"};
    t.router_names = {"gate.weight", "router.weight"};
    t.expert_names = {"w1", "w3", "w2"};
    return t;
}

bool const registered = register_in<Architecture>(
    "phimoe", "Phi-3.5-MoE: LayerNorm with biases, longrope, SparseMixer router.", {traits});

}  // namespace
}  // namespace moewire
