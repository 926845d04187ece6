#include "model/new_model.hpp"

#include <map>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/Context.h>

#include "assignment/assignment.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/random.hpp"
#include "checkpoint/safetensors.hpp"
#include "model/decoder.hpp"

namespace moewire {
namespace {

constexpr double deviation = 0.02;

// Makes what it is asked for, and remembers it: what the parts of a model read is what a file must hold.
class BeginningSource : public WeightSource {
  public:
    BeginningSource(at::ScalarType dtype, std::uint64_t seed) : dtype_(dtype), seed_(seed) {}

    void check(TensorPart const& /*part*/) const override {}
    bool contains(std::string const& name) const override {
        return !name.ends_with("experts.gate_up_proj") && !name.ends_with("_blocks");
    }
    void fill(TensorPart const& part, at::Tensor const& target) const override {
        auto& kept = made_[part.name];
        if (!kept.defined()) kept = make(part);
        target.copy_(kept.view({-1}).narrow(0, part.first_element, target.numel()).view(target.sizes()));
    }
    void fill_bytes(TensorPart const&, at::Tensor const&) const override {}
    std::vector<std::string> names() const override { return {}; }
    std::uint64_t bytes_read() const override { return 0; }
    std::string digest() const override { return ""; }

    std::map<std::string, at::Tensor> const& made() const { return made_; }

  private:
    at::Tensor make(TensorPart const& part) const {
        auto const values = at::empty(part.shape, at::kFloat);
        auto const& name = part.name;
        if (name.ends_with("norm.weight")) return values.fill_(1).to(dtype_);
        if (name.ends_with("bias") || name.ends_with("sinks")) return values.zero_().to(dtype_);
        auto generator = at::globalContext().defaultGenerator(at::kCPU);
        {
            std::scoped_lock const lock(generator.mutex());
            generator.set_current_seed(Random(seed_, name).next());
        }
        return values.normal_(0, deviation, generator).to(dtype_);
    }

    at::ScalarType dtype_;
    std::uint64_t seed_;
    mutable std::map<std::string, at::Tensor> made_;
};

Assignment all_on_one_rank(ModelConfig const& config) {
    Grid<std::int32_t, 2> const ranks(config.moe_layers.size(), static_cast<std::size_t>(config.experts));
    return Assignment::from_expert_ranks(ranks, 1);
}

// Everything that a decoder of this config reads.
void read_everything(WeightReader const& reader, ModelConfig const& config, Traits const& traits) {
    reader.read("model.embed_tokens.weight", {config.vocab_size, config.hidden_size});
    std::size_t with_experts = 0;
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        bool const is_moe =
            with_experts < config.moe_layers.size() && config.moe_layers[with_experts] == layer;
        DecoderLayer const made(reader, config, traits, layer,
                                is_moe ? std::optional(with_experts) : std::nullopt);
        with_experts += is_moe ? 1 : 0;
    }
    Norm const last(reader, config, traits, "model.norm");
    if (!config.tie_word_embeddings) reader.read("lm_head.weight", {config.vocab_size, config.hidden_size});
    if (traits.lm_head_bias) reader.read("lm_head.bias", {config.vocab_size});
    LoadedExperts const experts(reader, config, traits, all_on_one_rank(config), RankId{0});
}

}  // namespace

void write_new_model(std::filesystem::path const& config_file, std::filesystem::path const& folder,
                     std::uint64_t seed) {
    auto const config = read_config(config_file);
    if (config.quantization != Quantization::none || config.predictor_layers > 0)
        throw input_error("model", config_file.string() +
                                       " asks for quantised weights or predictor layers (both "
                                       "come after training); leave them out");
    auto const traits = traits_of(config);
    bool const wide = config.dtype == "float32";
    BeginningSource const source(wide ? at::kFloat : at::kBFloat16, seed);
    WeightReader const reader(source, config, traits, {at::kFloat, at::kCPU});
    read_everything(reader, config, traits);
    std::vector<TensorToWrite> tensors;
    for (auto const& [name, values] : source.made()) {
        tensors.push_back({name,
                           wide ? DType::F32 : DType::BF16,
                           values.sizes().vec(),
                           {static_cast<std::byte const*>(values.const_data_ptr()), values.nbytes()}});
    }
    write_file(folder / "config.json", read_file(config_file));
    write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
}

}  // namespace moewire
