#include "checkpoint/config_defaults.hpp"

namespace moewire {
namespace {

ModelConfig phimoe_defaults() {
    ModelConfig config;
    config.vocab_size = 32064;
    config.hidden_size = 4096;
    config.intermediate_size = 6400;
    config.layers = 32;
    config.heads = 32;
    config.kv_heads = 8;
    config.experts = 16;
    config.top_k = 2;
    config.norm_eps = 1e-5;
    config.max_positions = 131072;
    config.router_jitter_noise = 0.01;
    config.bos_token_id = 1;
    config.eos_token_ids = {2};
    config.rope.theta = 1e6;
    return config;
}

ModelConfig mixtral_defaults() {
    ModelConfig config = phimoe_defaults();
    config.vocab_size = 32000;
    config.intermediate_size = 14336;
    config.experts = 8;
    config.router_jitter_noise = 0.0;
    return config;
}

ModelConfig olmoe_defaults() {
    ModelConfig config;
    config.vocab_size = 50304;
    config.hidden_size = 2048;
    config.intermediate_size = 2048;
    config.layers = 16;
    config.heads = 16;
    config.experts = 64;
    config.top_k = 8;
    config.norm_eps = 1e-5;
    config.max_positions = 4096;
    config.eos_token_ids = {50279};
    return config;
}

ModelConfig qwen2_moe_defaults() {
    ModelConfig config;
    config.vocab_size = 151936;
    config.hidden_size = 2048;
    config.intermediate_size = 1408;
    config.dense_intermediate_size = 5632;
    config.shared_intermediate_size = 5632;
    config.layers = 24;
    config.heads = 16;
    config.kv_heads = 16;
    config.experts = 60;
    config.top_k = 4;
    config.norm_eps = 1e-6;
    config.max_positions = 32768;
    config.qkv_bias = true;
    return config;
}

ModelConfig qwen3_moe_defaults() {
    ModelConfig config = qwen2_moe_defaults();
    config.intermediate_size = 768;
    config.dense_intermediate_size = 6144;
    config.shared_intermediate_size = 0;
    config.heads = 32;
    config.kv_heads = 4;
    config.experts = 128;
    config.top_k = 8;
    config.qkv_bias = false;
    return config;
}

ModelConfig deepseek_v2_defaults() {
    ModelConfig config;
    config.vocab_size = 102400;
    config.hidden_size = 4096;
    config.intermediate_size = 1407;
    config.dense_intermediate_size = 11008;
    config.layers = 32;
    config.heads = 32;
    config.experts = 64;
    config.norm_eps = 1e-6;
    config.max_positions = 2048;
    config.latent = {1536, 512, 128, 64, 128};
    config.rope_interleave = true;
    config.bos_token_id = 1;
    config.eos_token_ids = {2};
    return config;
}

ModelConfig deepseek_v3_defaults() {
    ModelConfig config = deepseek_v2_defaults();
    config.vocab_size = 129280;
    config.hidden_size = 7168;
    config.intermediate_size = 2048;
    config.dense_intermediate_size = 18432;
    config.layers = 61;
    config.heads = 128;
    config.kv_heads = 128;
    config.experts = 256;
    config.top_k = 8;
    config.norm_topk_prob = true;
    config.groups = {8, 4};
    config.routed_scaling_factor = 2.5;
    config.max_positions = 4096;
    config.bos_token_id = 0;
    config.eos_token_ids = {1};
    return config;
}

ModelConfig gpt_oss_defaults() {
    ModelConfig config;
    config.vocab_size = 201088;
    config.hidden_size = 2880;
    config.intermediate_size = 2880;
    config.layers = 36;
    config.heads = 64;
    config.kv_heads = 8;
    config.head_dim = 64;
    config.experts = 128;
    config.top_k = 4;
    config.norm_eps = 1e-5;
    config.max_positions = 131072;
    config.attention_bias = true;
    config.sliding_window = 128;
    config.rope.type = "yarn";
    config.rope.theta = 150000.0;
    config.rope.factor = 32.0;
    config.rope.truncate = false;
    config.rope.original_max_positions = 4096;
    return config;
}

}  // namespace

ModelConfig config_defaults(std::string_view model_type) {
    ModelConfig config;
    if (model_type == "phimoe") config = phimoe_defaults();
    if (model_type == "mixtral") config = mixtral_defaults();
    if (model_type == "olmoe") config = olmoe_defaults();
    if (model_type == "qwen2_moe") config = qwen2_moe_defaults();
    if (model_type == "qwen3_moe") config = qwen3_moe_defaults();
    if (model_type == "deepseek_v2") config = deepseek_v2_defaults();
    if (model_type == "deepseek_v3") config = deepseek_v3_defaults();
    if (model_type == "gpt_oss") config = gpt_oss_defaults();
    if (config.norm_eps == 0.0) config.norm_eps = 1e-6;
    config.model_type = model_type;
    return config;
}

}  // namespace moewire
