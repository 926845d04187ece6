// What sets one architecture apart from another? Traits that drive the one decoder; no class per model.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/config.hpp"

namespace moewire {

enum class NormKind {
    rms,       // RMSNorm: cast to the model's dtype, then times the weight
    wide_rms,  // RMSNorm: times the weight in fp32, then cast
    layer      // LayerNorm with bias
};

enum class QkNorm {
    none,
    whole,    // RMSNorm over the whole projected query and key, before heads are split
    per_head  // RMSNorm over each head
};

enum class AttentionKind {
    grouped_query,
    latent  // DeepSeek's: queries, keys and values through narrow layers, one rotated key for all heads
};

enum class RouterKind {
    softmax,      // softmax in fp32 over all experts, then the top k
    sigmoid,      // a sigmoid for each expert, then the top k
    sparse_mixer  // two masked argmaxes, weights not renormalised
};

// How good is a group of experts for a token, where tokens choose groups first?
enum class GroupScore { none, best, best_two };

enum class RopeKind { plain, longrope, yarn };

// Which numbers of a head are rotated together.
enum class RopePairs { halves, neighbours };  // (i, i + dim / 2); (2i, 2i + 1)

enum class Activation {
    swiglu,         // silu(gate) * up
    clamped_swiglu  // gpt_oss: both clamped, (up + 1) * gate * sigmoid(1.702 * gate)
};

enum class SharedExpert {
    none,
    plain,  // added to the routed experts' result
    gated   // times a sigmoid of the hidden state first
};

// Names of one expert's three matrices in the one-tensor-per-expert layout.
struct ExpertNames {
    std::string gate, up, down;  // "w1", "w3", "w2" or "gate_proj", "up_proj", "down_proj"
};

struct Traits {
    NormKind norm = NormKind::rms;
    AttentionKind attention = AttentionKind::grouped_query;
    bool qkv_bias = false;
    bool attention_out_bias = false;
    bool sinks = false;  // a learned logit per head that takes part in the softmax and is dropped
    QkNorm qk_norm = QkNorm::none;
    std::optional<double> clip_qkv;
    RopeKind rope = RopeKind::plain;
    RopePairs rope_pairs = RopePairs::halves;
    RouterKind router = RouterKind::softmax;
    GroupScore group_score = GroupScore::none;
    bool renormalise_top_k = false;  // weights divided by their sum
    double weight_scale = 1.0;       // then times this
    bool router_in_fp32 = false;     // its product too, not only its softmax
    bool router_bias = false;
    std::optional<std::string> choice_bias;  // a bias that takes part in the choice alone: its name
    Activation activation = Activation::swiglu;
    bool expert_bias = false;
    bool experts_transposed = false;  // on disk: [expert, hidden, 2 x intermediate], gate and up in turn
    SharedExpert shared_expert = SharedExpert::none;
    std::string shared_expert_name;  // "shared_expert", "shared_experts"
    bool lm_head_bias = false;
    std::vector<std::string> moe_blocks;    // where a layer's MoE block may be: "block_sparse_moe", "mlp"
    std::vector<std::string> router_names;  // "gate.weight", "router.weight"
    ExpertNames expert_names;
};

// A file in architectures/, registered under the `model_type` of config.json.
struct Architecture {
    static constexpr char const* catalogue = "model/architectures";
    // Throws: usage (source "model"), when the config asks for what the architecture does not have.
    std::function<Traits(ModelConfig const&)> traits;
};

// Throws: usage, for an unknown model_type, or a feature that no trait covers (another activation, say).
Traits traits_of(ModelConfig const& config);

// The rope kind that the config names.
RopeKind rope_kind_of(ModelConfig const& config);

}  // namespace moewire
