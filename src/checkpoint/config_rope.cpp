#include "checkpoint/config_rope.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "checkpoint/safetensors_header.hpp"

namespace moewire {
namespace {

std::optional<double> positive_number(JsonFields const& fields, std::string_view key) {
    auto const value = fields.number(key);
    if (value && *value <= 0) throw fields.bad(key, fmt::format("is {}", *value), "it must be above 0");
    return value;
}

std::vector<double> frequency_factors(JsonFields const& rope, std::string_view key, std::int64_t head_dim) {
    auto factors = rope.numbers(key);
    if (static_cast<std::int64_t>(factors.size()) != head_dim / 2) {
        throw rope.bad(key, fmt::format("has {} numbers", factors.size()),
                       fmt::format("longrope needs head_dim / 2 = {}; without head_dim it is hidden_size / "
                                   "num_attention_heads",
                                   head_dim / 2));
    }
    for (double const factor : factors) {
        if (factor <= 0) throw rope.bad(key, fmt::format("holds {}", factor), "factors must be above 0");
    }
    return factors;
}

// Variants that would silently change every attention score.
void refuse_variants(JsonFields const& fields) {
    auto const share = fields.number("partial_rotary_factor");
    if (share && *share != 1.0) {
        throw fields.bad("partial_rotary_factor", fmt::format("is {}", *share),
                         "not supported: the whole head is rotated");
    }
    for (auto const* key : {"full_attention", "sliding_attention"}) {
        if (fields.has(key))
            throw fields.bad(key, "is there", "not supported: one rotary embedding for all layers");
    }
}

std::int64_t original_positions(JsonFields const& config, JsonFields const& rope, ModelConfig const& model) {
    constexpr std::string_view key = "original_max_position_embeddings";
    auto const inside = rope.integer(key);
    auto const outside = config.integer(key);
    auto const value = inside ? *inside : outside ? *outside : model.max_positions;
    // From 2 on its logarithm, which others divide by, is above 0.
    if (value < 2 || value > most_positions) {
        throw rope.bad(key, fmt::format("is {}", value), fmt::format("2 to {} is needed", most_positions));
    }
    return value;
}

void read_longrope(JsonFields const& config, JsonFields const& fields, ModelConfig const& model, Rope& rope) {
    rope.original_max_positions = original_positions(config, fields, model);
    rope.short_factor = frequency_factors(fields, "short_factor", model.head_dim);
    rope.long_factor = frequency_factors(fields, "long_factor", model.head_dim);
    rope.factor = positive_number(fields, "factor");
    rope.attention_factor = positive_number(fields, "attention_factor");
    auto const short_mscale = positive_number(fields, "short_mscale");
    auto const long_mscale = positive_number(fields, "long_mscale");
    if (model.model_type == "phimoe") {
        if (!short_mscale) throw fields.bad("short_mscale", "is missing", "phimoe's longrope needs it");
        if (!long_mscale) throw fields.bad("long_mscale", "is missing", "phimoe's longrope needs it");
    }
    rope.short_mscale = short_mscale.value_or(1.0);
    rope.long_mscale = long_mscale.value_or(1.0);
}

// Source: transformers 5.17, modeling_rope_utils.py, _compute_yarn_parameters.
void read_yarn(JsonFields const& config, JsonFields const& fields, ModelConfig const& model, Rope& rope) {
    rope.original_max_positions = original_positions(config, fields, model);
    rope.factor = positive_number(fields, "factor");
    if (!rope.factor) {
        rope.factor =
            static_cast<double>(model.max_positions) / static_cast<double>(rope.original_max_positions);
    }
    rope.attention_factor = positive_number(fields, "attention_factor");
    auto const number_or = [&](std::string_view key, double fallback) {
        auto const value = fields.number(key).value_or(fallback);
        if (value < 0) throw fields.bad(key, fmt::format("is {}", value), "it must not be below 0");
        return value > 0 ? value : fallback;
    };
    rope.beta_fast = number_or("beta_fast", 32.0);
    rope.beta_slow = number_or("beta_slow", 1.0);
    rope.mscale = number_or("mscale", 0.0);
    rope.mscale_all_dim = number_or("mscale_all_dim", 0.0);
    rope.truncate = fields.boolean("truncate").value_or(true);
}

}  // namespace

Rope read_rope(JsonFields const& config, ModelConfig const& model) {
    refuse_variants(config);
    Rope rope;
    rope.theta = positive_number(config, "rope_theta").value_or(model.rope.theta);
    // As transformers has it: an old-style object that says anything wins over a new-style one.
    auto fields = config.object("rope_scaling");
    if (!fields || fields->empty()) fields = config.object("rope_parameters");
    if (!fields && model.rope.type != "default") {
        rope = model.rope;
        rope.theta = positive_number(config, "rope_theta").value_or(model.rope.theta);
    }
    if (!fields) return rope;
    refuse_variants(*fields);
    rope.theta = positive_number(*fields, "rope_theta").value_or(rope.theta);
    auto const old_type = fields->text("type");
    rope.type = fields->text("rope_type").value_or(old_type.value_or("default"));
    if (rope.type == "default") return rope;
    if (rope.type == "yarn") {
        read_yarn(config, *fields, model, rope);
        return rope;
    }
    if (rope.type != "longrope") {
        throw fields->bad(fields->has("rope_type") ? "rope_type" : "type",
                          fmt::format("is {}", in_quotes(rope.type)),
                          "not supported: default, longrope and yarn are");
    }
    read_longrope(config, *fields, model, rope);
    return rope;
}

}  // namespace moewire
