// What kind of model is this? The values of a Hugging Face config.json that running the model needs.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moewire {

// Far above any context; positions fit 32 bits.
constexpr std::int64_t most_positions = (std::int64_t{1} << 31) - 1;

// Rotary position embedding: "default", "longrope" or "yarn".
// Source: transformers 5.17, modeling_rope_utils.py and modeling_phimoe.py; yarn: arXiv 2309.00071.
struct Rope {
    std::string type = "default";
    double theta = 10000.0;                   // the base of the frequencies
    std::int64_t original_max_positions = 0;  // longrope: short factors up to here; yarn: what it stretches
    std::vector<double> short_factor;         // longrope: divides frequency i; head_dim / 2 numbers
    std::vector<double> long_factor;          // longrope: the same beyond original_max_positions
    double short_mscale = 1.0;                // phimoe's longrope: scales cos and sin
    double long_mscale = 1.0;                 // phimoe's longrope: the same beyond original_max_positions
    std::optional<double> factor;             // the stretch; else max / original_max positions
    std::optional<double> attention_factor;   // scales cos and sin; else from the stretch
    // yarn: frequencies that turn more than beta_fast times within the original positions stay, those that
    // turn less than beta_slow times are stretched, a ramp between; truncate rounds its ends outwards.
    double beta_fast = 32.0, beta_slow = 1.0;
    bool truncate = true;
    double mscale = 0.0, mscale_all_dim = 0.0;  // yarn: magnitudes; 0: not given
};

// Groups of experts that a token may choose from (DeepSeek). Groups are equal and consecutive.
struct ExpertGroups {
    std::int64_t groups = 1;
    std::int64_t kept = 1;  // a token's experts come from this many
};

// Multi-head latent attention (DeepSeek): queries, keys and values go through narrow layers.
struct LatentAttention {
    std::int64_t q_lora_rank = 0;   // 0: queries straight from the hidden state
    std::int64_t kv_lora_rank = 0;  // 0: the model has no latent attention
    std::int64_t nope_head_dim = 0, rope_head_dim = 0, v_head_dim = 0;
};

// How weights are stored, where not as numbers of a float type.
enum class Quantization { none, mxfp4, fp8 };

// Sizes count elements. A value is what transformers 5.17 makes of the same file: the key's, else the default
// of the model_type. Exceptions, all in what transformers accepts without a word: see read_config.
struct ModelConfig {
    std::string model_type;                  // "phimoe", "mixtral", "olmoe", ...
    std::vector<std::string> architectures;  // class names; spelling varies ("PhiMoEForCausalLM")
    std::int64_t vocab_size = 0;
    std::int64_t hidden_size = 0;
    std::int64_t intermediate_size = 0;         // of one expert
    std::int64_t dense_intermediate_size = 0;   // of layers without experts
    std::int64_t shared_intermediate_size = 0;  // of the shared experts, as one; 0: there are none
    std::int64_t layers = 0;
    std::vector<std::int64_t> moe_layers;      // those that have experts, rising; never empty
    std::vector<std::int64_t> sliding_layers;  // those that see `sliding_window` positions, rising
    std::int64_t heads = 0;
    std::int64_t kv_heads = 0;
    std::int64_t head_dim = 0;  // even, all rotated; heads * head_dim need not be hidden_size
    LatentAttention latent;     // where it is there, head_dim is its rope_head_dim
    std::int64_t experts = 0;   // routed ones, in each MoE layer
    std::int64_t top_k = 0;     // experts a token visits
    double norm_eps = 0.0;      // phimoe's LayerNorm uses it too, whatever its key's name says
    std::int64_t max_positions = 0;
    bool attention_bias = false;
    bool qkv_bias = false;  // qwen2_moe: on queries, keys and values alone
    bool mlp_bias = false;  // deepseek_v2: on dense layers and shared experts
    bool lm_head_bias = false;
    bool tie_word_embeddings = false;
    bool norm_topk_prob = false;         // divide the chosen weights by their sum (mixtral always does)
    double router_jitter_noise = 0.0;    // phimoe: also the width of its router's mask
    ExpertGroups groups;                 // deepseek
    std::string topk_method = "greedy";  // deepseek_v2: "greedy" or "group_limited_greedy"
    double routed_scaling_factor = 1.0;  // deepseek: times the weights
    bool rope_interleave = false;        // deepseek: pairs (2i, 2i + 1) instead of (i, i + head_dim / 2)
    double swiglu_limit = 7.0;           // gpt_oss: gate and up are clamped there
    std::int64_t predictor_layers = 0;   // deepseek_v3: further layers in the file that predict ahead; unused
    Quantization quantization = Quantization::none;
    std::array<std::int64_t, 2> fp8_block = {128, 128};  // rows and columns that share a scale
    std::string hidden_act = "silu";
    std::optional<std::int64_t> sliding_window;
    std::optional<double> clip_qkv;
    std::optional<std::int64_t> bos_token_id;
    std::vector<std::int64_t> eos_token_ids;  // empty: none
    std::string dtype;                        // as the file has it, e.g. "bfloat16"; "" when absent
    Rope rope;
};

// Reads a folder's config.json, or the file itself, in the old style (rope_theta, rope_scaling, torch_dtype)
// or the new one (rope_parameters, dtype). Any model_type passes; one that is not known must name all its
// sizes itself.
//
// Where it differs from transformers: null counts as absent also where transformers refuses it (as number of
// key-value heads it means as many as heads); a token id outside the vocabulary is dropped with a warning;
// original_max_position_embeddings outside the rope object is used when the object has none
// (transformers 5.17 takes max_position_embeddings there, which never leaves the short factors). Throws:
// usage, naming file and key, when a value is of the wrong type, out of range or contradicts another, when
// there are no experts, or when the rotary embedding is of a kind that is not supported.
ModelConfig read_config(std::filesystem::path const& folder);

}  // namespace moewire
