#include "checkpoint/config_layers.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/json.hpp"
#include "checkpoint/config_numbers.hpp"

namespace moewire {
namespace {

bool is_deepseek(ModelConfig const& config) {
    return config.model_type.starts_with("deepseek");
}

// Layers without experts: the first few (DeepSeek), those named, or all but every n-th (Qwen).
bool has_experts(std::int64_t layer, std::int64_t leading_dense, std::int64_t step,
                 std::set<std::int64_t> const& dense) {
    return layer >= leading_dense && (layer + 1) % step == 0 && !dense.contains(layer);
}

void read_moe_layers(JsonFields const& fields, ModelConfig& config) {
    std::int64_t leading_dense = 0, step = 1;
    std::set<std::int64_t> dense;
    if (is_deepseek(config)) {
        leading_dense =
            fields.integer("first_k_dense_replace").value_or(config.model_type == "deepseek_v3" ? 3 : 0);
        if (leading_dense < 0)
            throw fields.bad("first_k_dense_replace", fmt::format("is {}", leading_dense), "0 at least");
    }
    if (config.model_type.starts_with("qwen")) {
        step = checked(fields, "decoder_sparse_step", fields.integer("decoder_sparse_step").value_or(1),
                       most_layers);
        auto const named = fields.integer_or_list("mlp_only_layers");
        dense.insert(named.begin(), named.end());
    }
    config.moe_layers.clear();
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        if (has_experts(layer, leading_dense, step, dense)) config.moe_layers.push_back(layer);
    }
    if (!config.moe_layers.empty()) return;
    auto const* key = leading_dense >= config.layers ? "first_k_dense_replace"
                      : step > config.layers         ? "decoder_sparse_step"
                                                     : "mlp_only_layers";
    throw fields.bad(key, "leaves no layer with experts",
                     fmt::format("num_hidden_layers is {}{}", config.layers,
                                 step > 1 ? fmt::format(" and decoder_sparse_step {}", step) : ""));
}

// Each layer's kind from layer_types, else by the type's own rule.
bool slides(ModelConfig const& config, std::vector<std::string> const& types, std::int64_t layer,
            std::int64_t window_layers) {
    if (!types.empty()) return types[static_cast<std::size_t>(layer)] == "sliding_attention";
    if (config.model_type == "gpt_oss") return layer % 2 == 0;
    if (config.model_type == "qwen2_moe") return layer % 2 == 0 && layer < window_layers;
    return true;
}

void read_sliding_layers(JsonFields const& fields, ModelConfig& config) {
    bool const is_qwen = config.model_type.starts_with("qwen");
    auto window = fields.integer("sliding_window");
    if (fields.is_null("sliding_window")) config.sliding_window.reset();
    if (!window) window = config.sliding_window;
    if (is_qwen && !fields.boolean("use_sliding_window").value_or(false)) window.reset();
    if (is_qwen && !window && fields.boolean("use_sliding_window").value_or(false)) window = 4096;
    config.sliding_window = window;
    config.sliding_layers.clear();
    bool const has_types = config.model_type == "gpt_oss" || config.model_type == "qwen2_moe";
    auto const types = has_types ? fields.texts("layer_types") : std::vector<std::string>{};
    if (!types.empty() && static_cast<std::int64_t>(types.size()) != config.layers) {
        throw fields.bad("layer_types", fmt::format("names {} layers", types.size()),
                         fmt::format("num_hidden_layers is {}", config.layers));
    }
    for (auto const& type : types) {
        if (type == "sliding_attention" || type == "full_attention") continue;
        throw fields.bad("layer_types", fmt::format("holds {}", in_quotes(type)),
                         "sliding_attention and full_attention are known");
    }
    if (!window) return;
    checked(fields, "sliding_window", *window, most_positions);
    auto const window_layers = fields.integer("max_window_layers").value_or(28);
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        if (slides(config, types, layer, window_layers)) config.sliding_layers.push_back(layer);
    }
}

// Deepseek counts shared experts of a routed expert's width, Qwen2 says the width.
void read_shared_experts(JsonFields const& fields, ModelConfig& config) {
    if (config.model_type == "qwen2_moe") {
        config.shared_intermediate_size =
            size_of(fields, {"shared_expert_intermediate_size"}, config.shared_intermediate_size, most_width);
    }
    if (!is_deepseek(config)) return;
    auto const shared = checked(
        fields, "n_shared_experts",
        fields.integer("n_shared_experts").value_or(config.model_type == "deepseek_v2" ? 2 : 1), most_heads);
    config.shared_intermediate_size = shared * config.intermediate_size;
}

}  // namespace

void read_latent_attention(JsonFields const& fields, ModelConfig& config) {
    auto& latent = config.latent;
    config.kv_heads = config.heads;
    if (fields.is_null("q_lora_rank")) {
        latent.q_lora_rank = 0;
    } else {
        latent.q_lora_rank = size_of(fields, {"q_lora_rank"}, latent.q_lora_rank, most_width);
    }
    latent.kv_lora_rank = size_of(fields, {"kv_lora_rank"}, latent.kv_lora_rank, most_width);
    latent.nope_head_dim = size_of(fields, {"qk_nope_head_dim"}, latent.nope_head_dim, most_heads);
    latent.rope_head_dim = size_of(fields, {"qk_rope_head_dim"}, latent.rope_head_dim, most_heads);
    latent.v_head_dim = size_of(fields, {"v_head_dim"}, latent.v_head_dim, most_heads);
    if (latent.rope_head_dim % 2 != 0) {
        throw fields.bad("qk_rope_head_dim", fmt::format("is {}", latent.rope_head_dim),
                         "rotation needs pairs: an even number");
    }
    config.head_dim = latent.rope_head_dim;
    config.mlp_bias = fields.boolean("mlp_bias").value_or(false);
}

void read_layers(JsonFields const& fields, ModelConfig& config) {
    read_moe_layers(fields, config);
    read_sliding_layers(fields, config);
    read_shared_experts(fields, config);
    if (config.model_type == "deepseek_v3") {
        auto const ahead = fields.integer_of({"num_nextn_predict_layers", "num_mtp_layers"});
        if (ahead && (*ahead < 0 || *ahead > most_layers))
            throw fields.bad(named(fields, {"num_nextn_predict_layers", "num_mtp_layers"}),
                             fmt::format("is {}", *ahead), "0 to 10000 is needed");
        config.predictor_layers = ahead.value_or(1);
    }
}

void read_expert_choice(JsonFields const& fields, ModelConfig& config) {
    if (config.model_type == "gpt_oss") {
        config.swiglu_limit = fields.number("swiglu_limit").value_or(config.swiglu_limit);
        if (config.swiglu_limit <= 0)
            throw fields.bad("swiglu_limit", fmt::format("is {}", config.swiglu_limit), "it must be above 0");
    }
    if (!is_deepseek(config)) return;
    config.rope_interleave =
        fields.boolean("rope_interleave").value_or(true) || config.model_type == "deepseek_v2";
    config.routed_scaling_factor =
        fields.number("routed_scaling_factor").value_or(config.routed_scaling_factor);
    config.topk_method = fields.text("topk_method").value_or(config.topk_method);
    bool const grouped = config.model_type == "deepseek_v3" || config.topk_method == "group_limited_greedy";
    if (config.model_type == "deepseek_v2" && !grouped && config.topk_method != "greedy") {
        throw fields.bad("topk_method", fmt::format("is {}", in_quotes(config.topk_method)),
                         "deepseek_v2 knows greedy and group_limited_greedy");
    }
    if (!grouped) return;
    auto& groups = config.groups;
    groups.groups =
        size_of(fields, {"n_group"}, config.model_type == "deepseek_v3" ? groups.groups : 0, most_heads);
    groups.kept =
        size_of(fields, {"topk_group"}, config.model_type == "deepseek_v3" ? groups.kept : 0, most_heads);
    if (groups.kept > groups.groups) {
        throw fields.bad("topk_group", fmt::format("is {}", groups.kept),
                         fmt::format("n_group is {}", groups.groups));
    }
    auto const size = config.experts / groups.groups;
    if (config.experts % groups.groups != 0) {
        throw fields.bad("n_group", fmt::format("is {}", groups.groups),
                         fmt::format("it must divide n_routed_experts, {}", config.experts));
    }
    if (config.model_type == "deepseek_v3" && size < 2) {
        throw fields.bad("n_group", fmt::format("is {}", groups.groups),
                         fmt::format("a group is scored by its two best experts, and n_routed_experts is {}",
                                     config.experts));
    }
    if (groups.kept * size < config.top_k) {
        throw fields.bad(
            "topk_group", fmt::format("is {}", groups.kept),
            fmt::format(
                "of n_group {} and n_routed_experts {} they hold {} experts, and num_experts_per_tok is {}",
                groups.groups, config.experts, groups.kept * size, config.top_k));
    }
}

void read_quantization(JsonFields const& fields, ModelConfig& config) {
    auto const how = fields.object("quantization_config");
    if (!how) return;
    auto const method = how->text("quant_method").value_or("");
    if (method == "mxfp4" && config.model_type == "gpt_oss") {
        config.quantization = Quantization::mxfp4;
        return;
    }
    if (method == "fp8" && config.model_type == "deepseek_v3") {
        config.quantization = Quantization::fp8;
        auto const block = how->integer_or_list("weight_block_size");
        if (block.empty()) return;
        if (block.size() != 2 || std::min(block[0], block[1]) < 1 ||
            std::max(block[0], block[1]) > most_width)
            throw how->bad("weight_block_size", "is no pair of sizes",
                           "rows and columns of a tile are needed");
        config.fp8_block = {block[0], block[1]};
        return;
    }
    throw how->bad("quant_method", fmt::format("is {}", in_quotes(method)),
                   fmt::format("not supported for model_type {}: gpt_oss may be mxfp4, deepseek_v3 fp8",
                               in_quotes(config.model_type)));
}

}  // namespace moewire
