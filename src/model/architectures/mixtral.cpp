// Mixtral: RMSNorm, grouped-query attention, softmax over all experts, top-2 renormalised.
// Source: huggingface/transformers, models/mixtral (5.17).
#include "base/registry.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

Traits traits(ModelConfig const& config) {
    Traits t;
    t.rope = rope_kind_of(config);
    t.renormalise_top_k = true;  // always, whatever norm_topk_prob says
    t.moe_blocks = {"block_sparse_moe", "mlp"};
    t.router_names = {"gate.weight"};
    t.expert_names = {"w1", "w3", "w2"};
    return t;
}

bool const registered = register_in<Architecture>(
    "mixtral", "Mixtral: RMSNorm, GQA, softmax router, top-k renormalised.", {traits});

}  // namespace
}  // namespace moewire
