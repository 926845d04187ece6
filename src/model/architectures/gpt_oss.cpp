// gpt-oss: attention sinks, sliding windows in every other layer, biases everywhere, clamped SwiGLU, softmax
// over the chosen experts' logits (the same as a softmax over all, renormalised); weights may be MXFP4.
// Source: huggingface/transformers, models/gpt_oss (5.17).
#include "base/registry.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

Traits traits(ModelConfig const& config) {
    Traits t;
    t.norm = NormKind::wide_rms;
    t.qkv_bias = t.attention_out_bias = config.attention_bias;
    t.sinks = true;
    t.rope = rope_kind_of(config);
    t.renormalise_top_k = true;
    t.router_bias = true;
    t.activation = Activation::clamped_swiglu;
    t.expert_bias = true;
    t.experts_transposed = true;
    t.moe_blocks = {"mlp"};
    t.router_names = {"router.weight"};
    return t;
}

bool const registered = register_in<Architecture>(
    "gpt_oss", "gpt-oss: attention sinks, sliding windows, clamped SwiGLU, biases, MXFP4.", {traits});

}  // namespace
}  // namespace moewire
