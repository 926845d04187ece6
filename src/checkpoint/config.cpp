#include "checkpoint/config.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/log.hpp"
#include "checkpoint/config_defaults.hpp"
#include "checkpoint/config_layers.hpp"
#include "checkpoint/config_numbers.hpp"
#include "checkpoint/config_rope.hpp"
#include "checkpoint/document.hpp"
#include "checkpoint/json_fields.hpp"

namespace moewire {
namespace {

constexpr std::uint64_t most_config_bytes = 16 << 20;

void read_experts(JsonFields const& fields, ModelConfig& config) {
    std::initializer_list<std::string_view> const keys{"num_local_experts", "num_experts",
                                                       "n_routed_experts"};
    auto const experts = fields.integer_of(keys);
    auto const key = named(fields, keys);
    if (!experts && config.experts == 0) {
        throw fields.bad("model_type",
                         fmt::format("{} is not a mixture-of-experts model", in_quotes(config.model_type)),
                         "there is no num_local_experts, num_experts or n_routed_experts");
    }
    config.experts = checked(fields, key, experts.value_or(config.experts), most_heads);
    config.top_k = size_of(fields, {"num_experts_per_tok", "experts_per_token"}, config.top_k, most_heads);
    if (config.top_k > config.experts) {
        throw fields.bad(named(fields, {"num_experts_per_tok", "experts_per_token"}),
                         fmt::format("is {}", config.top_k),
                         fmt::format("there are only {} experts, {}", config.experts, key));
    }
    config.norm_topk_prob = fields.boolean("norm_topk_prob").value_or(config.norm_topk_prob);
    config.router_jitter_noise = number_within(fields, "router_jitter_noise", config.router_jitter_noise);
}

void read_sizes(JsonFields const& fields, ModelConfig& config) {
    // Types with dense layers besides name the experts' width apart.
    bool const is_known = config.intermediate_size > 0;
    bool const apart = is_known ? config.dense_intermediate_size > 0 : fields.has("moe_intermediate_size");
    if (apart && (is_known || fields.has("intermediate_size")))
        config.dense_intermediate_size =
            size_of(fields, {"intermediate_size"}, config.dense_intermediate_size, most_width);
    config.vocab_size = size_of(fields, {"vocab_size"}, config.vocab_size, most_vocab);
    config.hidden_size = size_of(fields, {"hidden_size"}, config.hidden_size, most_width);
    config.intermediate_size = size_of(fields, {apart ? "moe_intermediate_size" : "intermediate_size"},
                                       config.intermediate_size, most_width);
    config.layers = size_of(fields, {"num_hidden_layers"}, config.layers, most_layers);
    config.max_positions = size_of(fields, {"max_position_embeddings"}, config.max_positions, most_positions);
    config.norm_eps = number_within(fields, "rms_norm_eps", config.norm_eps);
}

void read_heads(JsonFields const& fields, ModelConfig& config) {
    config.heads = size_of(fields, {"num_attention_heads"}, config.heads, most_heads);
    if (config.latent.kv_lora_rank > 0) {
        read_latent_attention(fields, config);
        return;
    }
    std::int64_t const default_kv_heads =
        config.kv_heads == 0 || fields.is_null("num_key_value_heads") ? config.heads : config.kv_heads;
    config.kv_heads = size_of(fields, {"num_key_value_heads"}, default_kv_heads, most_heads);
    if (config.heads % config.kv_heads != 0) {
        throw fields.bad("num_key_value_heads", fmt::format("is {}", config.kv_heads),
                         fmt::format("it must divide num_attention_heads, {}", config.heads));
    }
    if (!fields.has("head_dim") && config.head_dim == 0 && config.hidden_size % config.heads != 0) {
        throw fields.bad("num_attention_heads", fmt::format("is {}", config.heads),
                         fmt::format("without head_dim it must divide hidden_size, {}", config.hidden_size));
    }
    auto const own_head_dim = config.head_dim > 0 ? config.head_dim : config.hidden_size / config.heads;
    if (!fields.has("head_dim") && own_head_dim > most_heads) {
        throw fields.bad(
            "hidden_size", fmt::format("is {}", config.hidden_size),
            fmt::format("of num_attention_heads, {}, each would have {} dimensions, and at most {} are taken",
                        config.heads, own_head_dim, most_heads));
    }
    config.head_dim = size_of(fields, {"head_dim"}, own_head_dim, most_heads);
    if (config.head_dim % 2 != 0) {
        throw fields.bad("head_dim", fmt::format("is {}", config.head_dim),
                         fields.has("head_dim") ? "rotation needs pairs: an even number"
                                                : "hidden_size / num_attention_heads; rotation needs pairs: "
                                                  "an even number");
    }
}

void read_variants(JsonFields const& fields, ModelConfig& config) {
    config.attention_bias = fields.boolean("attention_bias").value_or(config.attention_bias);
    config.qkv_bias = fields.boolean("qkv_bias").value_or(config.qkv_bias);
    config.lm_head_bias = fields.boolean("lm_head_bias").value_or(false);
    config.tie_word_embeddings = fields.boolean("tie_word_embeddings").value_or(false);
    config.hidden_act = fields.text("hidden_act").value_or(config.hidden_act);
    config.clip_qkv = fields.number("clip_qkv");
    if (config.clip_qkv && *config.clip_qkv <= 0) {
        throw fields.bad("clip_qkv", fmt::format("is {}", *config.clip_qkv), "it must be above 0");
    }
    auto const old_dtype = fields.text("torch_dtype");
    config.dtype = fields.text("dtype").value_or(old_dtype.value_or(""));
}

// Ids outside the vocabulary are widespread (small test models keep the large model's ids) and can never be
// met.
std::vector<std::int64_t> token_ids(JsonFields const& fields, std::string const& key, std::int64_t vocab_size,
                                    std::vector<std::int64_t> fallback) {
    auto ids = fields.has(key) || fields.is_null(key) ? fields.integer_or_list(key) : std::move(fallback);
    auto const outside = std::erase_if(ids, [&](std::int64_t id) { return id < 0 || id >= vocab_size; });
    if (outside > 0) {
        log_warning(fmt::format("{}: {} names a token outside the vocabulary of {}: ignored", fields.file(),
                                key, vocab_size));
    }
    return ids;
}

void read_tokens(JsonFields const& fields, ModelConfig& config) {
    std::vector<std::int64_t> fallback;
    if (config.bos_token_id) fallback = {*config.bos_token_id};
    auto const bos = token_ids(fields, "bos_token_id", config.vocab_size, fallback);
    if (bos.size() > 1)
        throw fields.bad("bos_token_id", fmt::format("names {} tokens", bos.size()), "one is needed");
    config.bos_token_id = bos.empty() ? std::nullopt : std::optional(bos.front());
    config.eos_token_ids = token_ids(fields, "eos_token_id", config.vocab_size, config.eos_token_ids);
}

}  // namespace

ModelConfig read_config(std::filesystem::path const& folder) {
    auto const path = std::filesystem::is_regular_file(folder) ? folder : folder / "config.json";
    Document const json = read_document(path, most_config_bytes);
    JsonFields const fields(json, path.string(), "");
    auto const model_type = fields.text("model_type");
    if (!model_type) throw fields.bad("model_type", "is missing", "it says how to read the rest");
    ModelConfig config = config_defaults(*model_type);
    config.architectures = fields.texts("architectures");
    read_experts(fields, config);
    read_sizes(fields, config);
    read_heads(fields, config);
    read_variants(fields, config);
    read_layers(fields, config);
    read_expert_choice(fields, config);
    read_quantization(fields, config);
    read_tokens(fields, config);
    config.rope = read_rope(fields, config);
    return config;
}

}  // namespace moewire
