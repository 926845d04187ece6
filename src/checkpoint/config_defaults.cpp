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

}  // namespace

ModelConfig config_defaults(std::string_view model_type) {
    ModelConfig config;
    if (model_type == "phimoe") config = phimoe_defaults();
    if (model_type == "mixtral") config = mixtral_defaults();
    if (model_type == "olmoe") config = olmoe_defaults();
    if (config.norm_eps == 0.0) config.norm_eps = 1e-6;
    config.model_type = model_type;
    return config;
}

}  // namespace moewire
