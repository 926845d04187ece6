#include "checkpoint/config.hpp"

#include <gtest/gtest.h>

#include "checkpoint/files.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

ModelConfig config_of(std::string const& text) {
    Scratch const scratch;
    write_file(scratch.path() / "config.json", text);
    return read_config(scratch.path());
}

ModelConfig config_of(Document const& json) {
    return config_of(to_text(json));
}

template <class T>
Document or_null(std::optional<T> const& value) {
    return value ? Document(*value) : Document(nullptr);
}

// The same layout as the record's.
Document values_of(ModelConfig const& config) {
    Rope const& rope = config.rope;
    return {{"model_type", config.model_type},
            {"architectures", config.architectures},
            {"vocab_size", config.vocab_size},
            {"hidden_size", config.hidden_size},
            {"intermediate_size", config.intermediate_size},
            {"layers", config.layers},
            {"heads", config.heads},
            {"kv_heads", config.kv_heads},
            {"head_dim", config.head_dim},
            {"experts", config.experts},
            {"top_k", config.top_k},
            {"norm_eps", config.norm_eps},
            {"max_positions", config.max_positions},
            {"attention_bias", config.attention_bias},
            {"lm_head_bias", config.lm_head_bias},
            {"tie_word_embeddings", config.tie_word_embeddings},
            {"norm_topk_prob", config.norm_topk_prob},
            {"router_jitter_noise", config.router_jitter_noise},
            {"hidden_act", config.hidden_act},
            {"sliding_window", or_null(config.sliding_window)},
            {"clip_qkv", or_null(config.clip_qkv)},
            {"bos_token_id", or_null(config.bos_token_id)},
            {"eos_token_ids", config.eos_token_ids},
            {"dtype", config.dtype},
            {"rope",
             {{"type", rope.type},
              {"theta", rope.theta},
              {"original_max_positions", rope.original_max_positions},
              {"short_factor", rope.short_factor},
              {"long_factor", rope.long_factor},
              {"short_mscale", rope.short_mscale},
              {"long_mscale", rope.long_mscale},
              {"factor", or_null(rope.factor)},
              {"attention_factor", or_null(rope.attention_factor)}}}};
}

// Every value that transformers makes of every recorded file; what it refuses is refused.
TEST(Config, MeansWhatTransformersMakesOfIt) {
    Document const cases = read_json(fixture("configs.json")).at("cases");
    int values = 0, errors = 0;
    for (auto const& [name, recorded] : cases.items()) {
        SCOPED_TRACE(name);
        if (recorded.contains("error")) {
            ++errors;
            EXPECT_NE(message_of([&] { config_of(recorded.at("config")); }), "");
            continue;
        }
        Document const ours = values_of(config_of(recorded.at("config")));
        for (auto const& [key, value] : recorded.at("values").items()) {
            ++values;
            // Numbers compare by value: 10000 and 10000.0 are the same.
            EXPECT_EQ(ours.at(key), value) << key;
        }
        EXPECT_EQ(ours.size(), recorded.at("values").size());
    }
    EXPECT_GT(values, 800);
    EXPECT_GE(errors, 7);
}

// What transformers derives from the later types' files: which layers have experts and which slide, and the
// values that only they have.
TEST(Config, LayersAndChoicesAreThoseOfTransformers) {
    Document const cases = read_json(fixture("configs.json")).at("cases");
    int compared = 0;
    for (auto const& [name, recorded] : cases.items()) {
        if (!recorded.contains("reference")) continue;
        SCOPED_TRACE(name);
        auto const config = config_of(recorded.at("config"));
        Document const ours{{"moe_layers", config.moe_layers},
                            {"sliding_layers", config.sliding_layers},
                            {"moe_intermediate_size", config.intermediate_size},
                            {"shared_expert_intermediate_size", config.shared_intermediate_size},
                            {"qkv_bias", config.qkv_bias},
                            {"mlp_bias", config.mlp_bias},
                            {"attention_bias", config.attention_bias},
                            {"q_lora_rank", config.latent.q_lora_rank},
                            {"kv_lora_rank", config.latent.kv_lora_rank},
                            {"qk_nope_head_dim", config.latent.nope_head_dim},
                            {"qk_rope_head_dim", config.latent.rope_head_dim},
                            {"v_head_dim", config.latent.v_head_dim},
                            {"routed_scaling_factor", config.routed_scaling_factor},
                            {"rope_interleave", config.rope_interleave},
                            {"num_nextn_predict_layers", config.predictor_layers}};
        auto const& reference = recorded.at("reference");
        for (auto const& [key, value] : ours.items()) {
            if (!reference.contains(key) || reference.at(key).is_null()) continue;
            EXPECT_EQ(value, reference.at(key)) << key;
            ++compared;
        }
    }
    EXPECT_GT(compared, 250);
}

// What follows is ours: transformers takes these files, warns at most, or breaks off later.
Document tiny(std::string const& model_type = "mixtral") {
    return {{"model_type", model_type}, {"hidden_size", 32},
            {"intermediate_size", 48},  {"num_attention_heads", 4},
            {"num_key_value_heads", 2}, {"num_hidden_layers", 2},
            {"vocab_size", 128},        {"num_local_experts", 8},
            {"num_experts_per_tok", 2}, {"max_position_embeddings", 64}};
}

Document with(Document json, std::string const& key, Document value) {
    json[key] = std::move(value);
    return json;
}

Document longrope(std::size_t pairs) {
    return {{"type", "longrope"},
            {"short_factor", std::vector<double>(pairs, 1.5)},
            {"short_mscale", 1.25},
            {"long_factor", std::vector<double>(pairs, 2.5)},
            {"long_mscale", 1.5}};
}

TEST(Config, OriginalPositionsBesideTheRopeObjectAreUsed) {
    auto const config = config_of(
        with(with(tiny("phimoe"), "rope_scaling", longrope(4)), "original_max_position_embeddings", 16));
    EXPECT_EQ(config.rope.original_max_positions, 16);
    EXPECT_EQ(config.rope.long_mscale, 1.5);
}

TEST(Config, NullCountsAsAbsent) {
    auto const config = config_of(with(with(with(tiny(), "rms_norm_eps", nullptr), "rope_theta", nullptr),
                                       "num_key_value_heads", nullptr));
    EXPECT_EQ(config.norm_eps, 1e-5);
    EXPECT_EQ(config.rope.theta, 1e6);
    EXPECT_EQ(config.kv_heads, 4);  // the one key where null says something: as many as heads
}

TEST(Config, TokensOutsideTheVocabularyAreDroppedWithAWarning) {
    testing::internal::CaptureStderr();
    auto const config = config_of(with(with(tiny(), "eos_token_id", {2, 128, -1}), "bos_token_id", 128));
    auto const warning = testing::internal::GetCapturedStderr();
    EXPECT_EQ(config.eos_token_ids, std::vector<std::int64_t>{2});
    EXPECT_FALSE(config.bos_token_id.has_value());
    EXPECT_NE(warning.find("eos_token_id names a token outside the vocabulary of 128"), std::string::npos)
        << warning;
    EXPECT_NE(warning.find("bos_token_id"), std::string::npos);
}

TEST(Config, UnknownTypesPassWhenTheySaySizesThemselves) {
    auto json = tiny("novel_moe");
    EXPECT_EQ(config_of(json).experts, 8);
    EXPECT_EQ(config_of(json).rope.theta, 1e4);
    EXPECT_EQ(config_of(json).kv_heads, 2);
    EXPECT_EQ(config_of(with(json, "moe_intermediate_size", 24)).intermediate_size, 24);
    EXPECT_EQ(config_of(with(tiny(), "moe_intermediate_size", 24)).intermediate_size, 48);
    json.erase("num_local_experts");
    json["n_routed_experts"] = 8;
    EXPECT_EQ(config_of(json).experts, 8);
    for (auto const* key : {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                            "num_attention_heads", "num_experts_per_tok", "max_position_embeddings"}) {
        auto lacking = tiny("novel_moe");
        lacking.erase(key);
        auto const message = message_of([&] { config_of(lacking); });
        EXPECT_NE(message.find(std::string(key) + " is missing"), std::string::npos) << message;
    }
}

TEST(Config, DenseModelIsRefusedAsSuch) {
    auto json = tiny("llama");
    json.erase("num_local_experts");
    auto const message = message_of([&] { config_of(json); });
    EXPECT_NE(message.find("\"llama\" is not a mixture-of-experts model"), std::string::npos) << message;
}

struct BadValue {
    char const* key;
    Document value;
    char const* reason;
};

std::vector<BadValue> const bad_values{
    {"hidden_size", 0, "hidden_size is 0 (1 to 4194304"},
    {"hidden_size", -32, "hidden_size is -32"},
    {"hidden_size", 1LL << 40, "hidden_size is 1099511627776"},
    {"hidden_size", 18446744073709551615ULL, "a whole number"},
    {"hidden_size", true, "hidden_size is \"true\" (a whole number"},
    {"hidden_size", Document::array(), "hidden_size is array"},
    {"vocab_size", 1 << 30, "vocab_size is"},
    {"num_hidden_layers", 10'001, "num_hidden_layers is 10001"},
    {"num_local_experts", 0, "is 0 (1 to 65536"},
    {"num_local_experts", 1, "num_experts_per_tok is 2 (there are only 1 experts"},
    {"num_experts", 4, "num_experts is 4 but num_local_experts is 8"},
    {"num_experts_per_tok", 9, "there are only 8 experts"},
    {"num_key_value_heads", 3, "num_key_value_heads is 3 (it must divide num_attention_heads, 4"},
    {"num_attention_heads", 6, "num_attention_heads is 6 (without head_dim it must divide hidden_size, 32"},
    {"head_dim", 7, "head_dim is 7 (rotation needs pairs"},
    {"head_dim", 0, "head_dim is 0"},
    {"rms_norm_eps", -1e-5, "rms_norm_eps is -1e-05"},
    {"rms_norm_eps", 1, "rms_norm_eps is 1"},
    {"router_jitter_noise", 1.5, "router_jitter_noise is 1.5"},
    {"norm_topk_prob", 0, "norm_topk_prob is \"0\" (true or false"},
    {"attention_bias", "no", "attention_bias is"},
    {"hidden_act", 5, "hidden_act is \"5\" (a text"},
    {"architectures", "MixtralForCausalLM", "a list of texts"},
    {"architectures", {1}, "a list of texts"},
    {"model_type", 7, "model_type is \"7\""},
    {"sliding_window", 0, "sliding_window is 0"},
    {"clip_qkv", 0, "clip_qkv is 0"},
    {"eos_token_id", {2, "x"}, "eos_token_id is"},
    {"bos_token_id", {1, 2}, "bos_token_id names 2 tokens"},
    {"dtype", 16, "dtype is \"16\""},
    {"rope_theta", 0, "rope_theta is 0"},
    {"rope_theta", "1e6", "rope_theta is"},
    {"partial_rotary_factor", 0.5, "partial_rotary_factor is 0.5 (not supported"},
    {"rope_scaling", "longrope", "rope_scaling is"},
    {"rope_scaling", {{"type", 5}}, "rope_scaling.type is"},
    {"rope_scaling", {{"type", "yarn"}, {"factor", 0}}, "rope_scaling.factor is 0"},
    {"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}, "\"linear\" (not supported"},
    {"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}, "\"dynamic\" (not supported"},
    {"rope_scaling", {{"rope_type", "llama3"}}, "rope_scaling.rope_type is \"llama3\" (not supported"},
    {"rope_parameters", {{"rope_type", "su"}}, "rope_parameters.rope_type is \"su\" (not supported"},
    {"rope_parameters", {{"full_attention", Document::object()}}, "rope_parameters.full_attention is there"},
    {"rope_parameters", {{"rope_theta", -1}}, "rope_parameters.rope_theta is -1"},
};

TEST(Config, BadValuesAreRefusedByName) {
    for (auto const& [key, value, reason] : bad_values) {
        auto const message = message_of([&, k = key, v = value] { config_of(with(tiny(), k, v)); });
        EXPECT_NE(message.find(reason), std::string::npos)
            << key << ": '" << message << "' lacks '" << reason << "'";
        EXPECT_NE(message.find("config.json"), std::string::npos) << message;
    }
}

TEST(Config, BadLongropeIsRefusedByName) {
    auto const refusal = [](std::string const& key, Document const& value) {
        return message_of(
            [&] { config_of(with(tiny("phimoe"), "rope_scaling", with(longrope(4), key, value))); });
    };
    auto const expect = [&](std::string const& key, Document const& value, char const* reason) {
        auto const message = refusal(key, value);
        EXPECT_NE(message.find("rope_scaling." + key + " " + reason), std::string::npos) << message;
    };
    EXPECT_EQ(refusal("factor", 4.0), "");
    expect("short_factor", std::vector<double>(3, 1.0), "has 3 numbers (longrope needs head_dim / 2 = 4");
    expect("long_factor", std::vector<double>(8, 1.0), "has 8 numbers");
    expect("long_factor", nullptr, "has 0 numbers");
    expect("long_factor", 1.0, "is \"1.0\" (a list of numbers");
    expect("short_factor", {1, 1, 1, "x"}, "is \"");
    expect("short_factor", {1, 1, 1, 0}, "holds 0 (factors must be above 0");
    expect("short_mscale", nullptr, "is missing (phimoe's longrope needs it");
    expect("long_mscale", nullptr, "is missing");
    expect("long_mscale", -1, "is -1");
    expect("factor", 0, "is 0");
    expect("attention_factor", -2, "is -2");
    expect("original_max_position_embeddings", 1, "is 1 (2 to");
    expect("original_max_position_embeddings", 1.5, "is \"1.5\"");
}

TEST(Config, WhatIsNoConfigIsRefused) {
    for (auto const* text :
         {"", "{", "[1]", "null", "{}", "{\"model_type\": null}", "{\"model_type\":\"mixtral\"} x",
          "{\"model_type\":\"mixtral\",\"model_type\":\"olmoe\"}", "{\"a\": 1e999}", "{\"a\": NaN}",
          "{\"model_type\":\"\xff\"}"}) {
        EXPECT_NE(message_of([&] { config_of(std::string(text)); }), "") << text;
    }
    EXPECT_NE(message_of([&] { config_of(std::string("{\"model_type\":\"mixtral\"}\0", 25)); }), "");
    EXPECT_NE(message_of([&] { config_of(std::string(17 << 20, ' ')); }).find("more than 16 MiB"),
              std::string::npos);
    Scratch const scratch;
    EXPECT_NE(message_of([&] { read_config(scratch.path()); }).find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace moewire
