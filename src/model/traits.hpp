// What sets one architecture apart from another? Traits that drive the one decoder; no class per model.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/config.hpp"

namespace moewire {

enum class NormKind { rms, layer };  // RMSNorm; LayerNorm with bias

enum class QkNorm {
    none,
    whole  // RMSNorm over the whole projected query and key, before heads are split
};

enum class RouterKind {
    softmax_top_k,  // softmax in fp32 over all experts, then the top k
    sparse_mixer    // two masked argmaxes, weights not renormalised
};

enum class RopeKind { plain, longrope };

// Names of one expert's three matrices in the one-tensor-per-expert layout.
struct ExpertNames {
    std::string gate, up, down;  // "w1", "w3", "w2" or "gate_proj", "up_proj", "down_proj"
};

struct Traits {
    NormKind norm = NormKind::rms;
    bool attention_bias = false;
    QkNorm qk_norm = QkNorm::none;
    std::optional<double> clip_qkv;
    std::optional<std::int64_t> sliding_window;
    RopeKind rope = RopeKind::plain;
    RouterKind router = RouterKind::softmax_top_k;
    bool renormalise_top_k = false;  // weights divided by their sum
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

}  // namespace moewire
