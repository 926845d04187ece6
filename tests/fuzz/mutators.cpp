// Each harness's own mutator: its container stays whole, the JSON in it is spoiled.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "checkpoint/dtype.hpp"
#include "fuzz/harness.hpp"
#include "fuzz/json_mutator.hpp"
#include "fuzz/packed.hpp"

namespace moewire::fuzz {
namespace {

constexpr std::size_t prefix_bytes = 8;
constexpr std::uint64_t most_data_bytes = 1 << 16;

constexpr std::array<std::string_view, 20> safetensors_words{
    "\"dtype\"",
    "\"shape\"",
    "\"data_offsets\"",
    "\"__metadata__\"",
    "\"F32\"",
    "\"BF16\"",
    "\"F4\"",
    "\"F6_E2M3\"",
    "\"U8\"",
    "\"BOOL\"",
    "\"C64\"",
    "[0, 0]",
    "[0, 8]",
    "[]",
    "[0]",
    "[2, 4]",
    "[9007199254740992, 0]",
    "{\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}",
    "{\"format\": \"pt\"}",
    "[1, 1, 1, 1, 1, 1, 1, 1]"};

constexpr std::array<std::string_view, 14> index_words{"\"metadata\"",
                                                       "\"weight_map\"",
                                                       "\"total_size\"",
                                                       "\"a.safetensors\"",
                                                       "\"b.safetensors\"",
                                                       "\"c.safetensors\"",
                                                       "\"model.safetensors\"",
                                                       "\"../a.safetensors\"",
                                                       "\"sub/a.safetensors\"",
                                                       "\".safetensors\"",
                                                       "\"a.bin\"",
                                                       "\"model.safetensors.index.json\"",
                                                       "\"a\\n.safetensors\"",
                                                       "\"a\\u0000.safetensors\""};

constexpr std::array<std::string_view, 68> config_words{"\"model_type\"",
                                                        "\"phimoe\"",
                                                        "\"mixtral\"",
                                                        "\"olmoe\"",
                                                        "\"qwen2_moe\"",
                                                        "\"qwen3_moe\"",
                                                        "\"deepseek_v2\"",
                                                        "\"deepseek_v3\"",
                                                        "\"gpt_oss\"",
                                                        "\"architectures\"",
                                                        "\"num_local_experts\"",
                                                        "\"num_experts\"",
                                                        "\"n_routed_experts\"",
                                                        "\"num_experts_per_tok\"",
                                                        "\"experts_per_token\"",
                                                        "\"norm_topk_prob\"",
                                                        "\"router_jitter_noise\"",
                                                        "\"moe_intermediate_size\"",
                                                        "\"intermediate_size\"",
                                                        "\"hidden_size\"",
                                                        "\"vocab_size\"",
                                                        "\"num_hidden_layers\"",
                                                        "\"max_position_embeddings\"",
                                                        "\"rms_norm_eps\"",
                                                        "\"num_attention_heads\"",
                                                        "\"num_key_value_heads\"",
                                                        "\"head_dim\"",
                                                        "\"attention_bias\"",
                                                        "\"lm_head_bias\"",
                                                        "\"tie_word_embeddings\"",
                                                        "\"hidden_act\"",
                                                        "\"silu\"",
                                                        "\"sliding_window\"",
                                                        "\"clip_qkv\"",
                                                        "\"dtype\"",
                                                        "\"torch_dtype\"",
                                                        "\"bos_token_id\"",
                                                        "\"eos_token_id\"",
                                                        "\"rope_theta\"",
                                                        "\"rope_scaling\"",
                                                        "\"rope_parameters\"",
                                                        "\"rope_type\"",
                                                        "\"type\"",
                                                        "\"longrope\"",
                                                        "\"yarn\"",
                                                        "\"default\"",
                                                        "\"short_factor\"",
                                                        "\"long_factor\"",
                                                        "\"factor\"",
                                                        "\"attention_factor\"",
                                                        "\"original_max_position_embeddings\"",
                                                        "\"partial_rotary_factor\"",
                                                        "\"full_attention\"",
                                                        "\"n_group\"",
                                                        "\"topk_group\"",
                                                        "\"topk_method\"",
                                                        "\"scoring_func\"",
                                                        "\"routed_scaling_factor\"",
                                                        "\"n_shared_experts\"",
                                                        "\"first_k_dense_replace\"",
                                                        "\"kv_lora_rank\"",
                                                        "\"q_lora_rank\"",
                                                        "\"qk_nope_head_dim\"",
                                                        "\"qk_rope_head_dim\"",
                                                        "\"v_head_dim\"",
                                                        "\"layer_types\"",
                                                        "\"quantization_config\"",
                                                        "\"shared_expert_intermediate_size\""};

constexpr std::array<std::string_view, 64> tokenizer_words{
    "\"model\"",
    "\"normalizer\"",
    "\"pre_tokenizer\"",
    "\"decoder\"",
    "\"post_processor\"",
    "\"added_tokens\"",
    "\"type\"",
    "\"Sequence\"",
    "\"ByteLevel\"",
    "\"Split\"",
    "\"Metaspace\"",
    "\"Digits\"",
    "\"Punctuation\"",
    "\"Whitespace\"",
    "\"WhitespaceSplit\"",
    "\"Replace\"",
    "\"ByteFallback\"",
    "\"Fuse\"",
    "\"Strip\"",
    "\"Prepend\"",
    "\"NFC\"",
    "\"NFKD\"",
    "\"Lowercase\"",
    "\"TemplateProcessing\"",
    "\"pattern\"",
    "{\"String\": \" \"}",
    "{\"Regex\": \"\\\\s+(?!\\\\S)|\\\\p{L}+\"}",
    "{\"Regex\": \"(a*)*$\"}",
    "\"behavior\"",
    "\"Isolated\"",
    "\"Removed\"",
    "\"MergedWithNext\"",
    "\"MergedWithPrevious\"",
    "\"Contiguous\"",
    "\"invert\"",
    "\"add_prefix_space\"",
    "\"prepend_scheme\"",
    "\"first\"",
    "\"never\"",
    "\"replacement\"",
    "\"content\"",
    "\"special_tokens\"",
    "\"single\"",
    "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}",
    "{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}",
    "\"decoders\"",
    "\"normalizers\"",
    "\"pretokenizers\"",
    "\"processors\"",
    "\"unk_token\"",
    "\"byte_fallback\"",
    "\"fuse_unk\"",
    "\"ignore_merges\"",
    "\"merges\"",
    "\"vocab\"",
    "\"a a\"",
    "[\"a\", \"a\"]",
    "\"lstrip\"",
    "\"rstrip\"",
    "\"single_word\"",
    "\"normalized\"",
    "{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"aa\"}",
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}",
    "{\"type\": \"Lowercase\"}"};

std::string with_prefix(std::string_view header, std::string_view data) {
    std::uint64_t const header_bytes = header.size();
    std::string bytes(reinterpret_cast<char const*>(&header_bytes), sizeof header_bytes);
    return bytes.append(header).append(data);
}

// Gives every tensor the offsets that its shape asks for, so that only what else is wrong can be refused.
std::string settled(std::string_view header, std::string_view data) {
    auto document = Json::parse(header, nullptr, false);
    std::uint64_t reached = 0;
    for (auto& [name, entry] : document.items()) {
        if (!entry.is_object() || !entry.contains("shape") || !entry["shape"].is_array()) continue;
        auto const& type = entry["dtype"];
        auto const dtype = type.is_string() ? dtype_of(type.get<std::string>()) : std::nullopt;
        std::uint64_t bits = dtype ? bits_of(*dtype) : 8;
        for (auto const& size : entry["shape"])
            bits *= size.is_number_unsigned() ? size.get<std::uint64_t>() : 1;
        auto const begin = reached;
        reached += std::min(bits / 8, most_data_bytes);
        entry["data_offsets"] = {begin, reached};
    }
    std::string filled(data);
    filled.resize(std::min(reached, most_data_bytes), 'x');
    return document.is_discarded()
               ? with_prefix(header, data)
               : with_prefix(document.dump(-1, ' ', false, Json::error_handler_t::replace), filled);
}

std::string spoil_safetensors(std::string_view bytes, Random& random) {
    std::uint64_t header_bytes = 0;
    if (bytes.size() >= prefix_bytes) std::memcpy(&header_bytes, bytes.data(), prefix_bytes);
    auto const rest = bytes.substr(std::min(prefix_bytes, bytes.size()));
    auto const header = rest.substr(0, std::min<std::uint64_t>(header_bytes, rest.size()));
    auto const mutated = mutate_json(header.empty() ? "{}" : header, safetensors_words, random);
    auto const data = rest.substr(header.size());
    return random.below(2) == 0 ? settled(mutated, data) : with_prefix(mutated, data);
}

}  // namespace

std::string mutate_safetensors(std::string_view bytes, std::uint64_t seed) {
    Random random(seed, "safetensors");
    return spoil_safetensors(bytes, random);
}

std::string mutate_index(std::string_view bytes, std::uint64_t seed) {
    Random random(seed, "index");
    auto files = unpack(bytes);
    std::string const name = packed_names[static_cast<std::size_t>(random.below(packed_names.size()))];
    bool const is_index = name == packed_names[0];
    if (!is_index && random.below(8) == 0) {
        files.erase(name);
    } else {
        auto& file = files[name];
        file = is_index ? mutate_json(file.empty() ? "{}" : file, index_words, random)
                        : spoil_safetensors(file, random);
    }
    return pack(files);
}

std::string mutate_config(std::string_view bytes, std::uint64_t seed) {
    Random random(seed, "config");
    return mutate_json(bytes, config_words, random);
}

std::string mutate_tokenizer(std::string_view bytes, std::uint64_t seed) {
    Random random(seed, "tokenizer");
    auto const zero = std::min(bytes.find('\0'), bytes.size());
    auto text = std::string(bytes.substr(zero));
    if (random.below(8) == 0)
        text = '\0' + std::string(1 + random.below(80), static_cast<char>(random.below(256)));
    return mutate_json(bytes.substr(0, zero), tokenizer_words, random) + text;
}

}  // namespace moewire::fuzz
