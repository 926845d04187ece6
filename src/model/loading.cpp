// From a folder or a geometry to a model.
#include <filesystem>
#include <set>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "gpu/device.hpp"
#include "model/decoder.hpp"
#include "model/footprint.hpp"

namespace moewire {
namespace {

at::ScalarType scalar_type(Precision precision) {
    if (precision == Precision::float16) return at::kHalf;
    return precision == Precision::float32 ? at::kFloat : at::kBFloat16;
}

Placement placement_of(ModelOptions const& options) {
    if (options.device.is_cuda()) use_gpu(options.device.cuda_index);
    auto const device = options.device.is_cuda()
                            ? at::Device(at::kCUDA, static_cast<at::DeviceIndex>(options.device.cuda_index))
                            : at::Device(at::kCPU);
    return {scalar_type(options.precision), device};
}

std::unique_ptr<WeightSource> source_of(Decoder::Origin const& origin) {
    if (origin.checkpoint) return checkpoint_source(*origin.checkpoint, origin.config);
    return synthetic_source(origin.config, *origin.synthetic);
}

std::string folder_name(std::filesystem::path const& folder) {
    auto const named = std::filesystem::absolute(folder).lexically_normal();
    return (named.has_filename() ? named : named.parent_path()).filename().string();
}

}  // namespace

std::unique_ptr<LanguageModel> LanguageModel::load(std::filesystem::path const& folder,
                                                   ModelOptions const& options) {
    auto config = read_config(folder);
    return std::make_unique<Decoder>(
        Decoder::Origin{folder_name(folder), std::move(config), Checkpoint::open(folder), std::nullopt},
        options);
}

std::unique_ptr<LanguageModel> LanguageModel::synthesise(std::filesystem::path const& config_path,
                                                         std::string const& name,
                                                         SyntheticWeights const& weights,
                                                         ModelOptions const& options) {
    auto config = read_config(config_path);
    config.quantization = Quantization::none;
    config.predictor_layers = 0;
    if (weights.layers) config = first_layers(config, *weights.layers);
    return std::make_unique<Decoder>(Decoder::Origin{name, std::move(config), std::nullopt, weights},
                                     options);
}

Norm::Norm(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
           std::string const& name)
    : kind_(traits.norm),
      eps_(config.norm_eps),
      weight_(reader.read(name + ".weight", {config.hidden_size})) {
    if (kind_ == NormKind::layer) bias_ = reader.read(name + ".bias", {config.hidden_size});
}

at::Tensor Norm::forward(at::Tensor const& x) const {
    return kind_ == NormKind::layer ? at::layer_norm(x, {x.size(-1)}, weight_, bias_, eps_)
                                    : rms_norm(x, weight_, eps_, kind_);
}

DecoderLayer::DecoderLayer(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                           std::int64_t index, std::optional<std::size_t> moe_index)
    : before_attention(reader, config, traits, fmt::format("model.layers.{}.input_layernorm", index)),
      attention(make_attention(reader, config, traits, index)),
      before_experts(reader, config, traits, fmt::format("model.layers.{}.post_attention_layernorm", index)) {
    if (moe_index) {
        experts.emplace(reader, config, traits, *moe_index, index);
    } else {
        dense.emplace(reader, config, fmt::format("model.layers.{}.mlp", index),
                      config.dense_intermediate_size);
    }
}

Decoder::Decoder(Origin origin, ModelOptions const& options)
    : origin_(std::move(origin)),
      traits_(traits_of(origin_.config)),
      source_(source_of(origin_)),
      reader_(*source_, origin_.config, traits_, placement_of(options)),
      rope_(origin_.config, traits_.rope, options.long_rope,
            at::TensorOptions(reader_.placement().device).dtype(reader_.placement().dtype)),
      options_(options) {
    auto const& config = origin_.config;
    embedding_ = reader_.read("model.embed_tokens.weight", {config.vocab_size, config.hidden_size});
    std::size_t with_experts = 0;
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        bool const is_moe =
            with_experts < config.moe_layers.size() && config.moe_layers[with_experts] == layer;
        layers_.emplace_back(reader_, config, traits_, layer,
                             is_moe ? std::optional(with_experts) : std::nullopt);
        with_experts += is_moe ? 1 : 0;
    }
    final_norm_.emplace(reader_, config, traits_, "model.norm");
    head_ = config.tie_word_embeddings
                ? embedding_
                : reader_.read("lm_head.weight", {config.vocab_size, config.hidden_size});
    if (traits_.lm_head_bias) head_bias_ = reader_.read("lm_head.bias", {config.vocab_size});
    refuse_surplus();
    describe();
}

void Decoder::refuse_surplus() const {
    for (auto const& name : source_->names()) {
        if (reader_.has_place_for(name)) continue;
        throw input_error(
            "model", fmt::format("tensor {} has no place in a model as config.json describes it (a setting "
                                 "such as num_hidden_layers or attention_bias must be wrong); use the config "
                                 "of this checkpoint",
                                 in_quotes(name)));
    }
}

void Decoder::describe() {
    auto const& config = origin_.config;
    auto const bytes = element_bytes(options_.precision);
    facts_.name = origin_.name;
    facts_.architecture = config.model_type;
    facts_.is_synthetic = origin_.synthetic.has_value();
    facts_.layers = static_cast<std::int64_t>(config.moe_layers.size());
    facts_.decoder_layers = config.layers;
    facts_.experts = static_cast<std::int32_t>(config.experts);
    facts_.top_k = config.top_k;
    facts_.hidden_size = config.hidden_size;
    facts_.vocabulary = config.vocab_size;
    auto const bias = traits_.expert_bias ? 2 * config.intermediate_size + config.hidden_size : 0;
    auto const of_expert = 3 * config.hidden_size * config.intermediate_size + bias;
    for (auto const& parameter : reader_.parameters())
        facts_.parameters += parameter.part(parameter.tensor).numel();
    facts_.parameters += facts_.layers * config.experts * of_expert;
    facts_.precision = options_.precision;
    facts_.row_bytes = config.hidden_size * bytes;
    facts_.expert_bytes = of_expert * bytes;
}

std::shared_ptr<ExpertBank const> Decoder::load_experts(Assignment const& assignment, RankId rank) const {
    return std::make_shared<LoadedExperts>(reader_, origin_.config, traits_, assignment, rank);
}

std::unique_ptr<ActivePolicy> Decoder::make_policy(std::string_view spec, std::uint64_t seed) const {
    return start_policy(spec, seed, facts_);
}

std::unique_ptr<KvCache> Decoder::make_cache(std::int64_t sequences, std::int64_t positions) const {
    return std::make_unique<DecoderCache>(layers_, sequences, positions);
}

DecoderCache::DecoderCache(std::vector<DecoderLayer> const& layers, std::int64_t sequences,
                           std::int64_t positions)
    : sequences_(sequences), capacity_(positions) {
    for (auto const& layer : layers) layers_.push_back(layer.attention->make_cache(sequences, positions));
}

std::int64_t DecoderCache::bytes() const {
    std::int64_t bytes = 0;
    for (auto const& layer : layers_)
        bytes += static_cast<std::int64_t>(layer.first.nbytes() + layer.second.nbytes());
    return bytes;
}

}  // namespace moewire
