#include "model/decoder.hpp"

#include <c10/core/InferenceMode.h>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/registry.hpp"
#include "model/running_policy.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

at::ScalarType scalar_type(Precision precision) {
    return precision == Precision::float32 ? at::kFloat : at::kBFloat16;
}

void copy_out(at::Tensor const& tensor, std::span<float> target) {
    auto const values = tensor.to(at::kFloat).contiguous();
    std::copy_n(values.const_data_ptr<float>(), values.numel(), target.begin());
}

}  // namespace

Norm::Norm(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
           std::string const& name)
    : eps_(config.norm_eps), weight_(reader.read(name + ".weight", {config.hidden_size})) {
    if (traits.norm == NormKind::layer) bias_ = reader.read(name + ".bias", {config.hidden_size});
}

at::Tensor Norm::forward(at::Tensor const& x) const {
    return bias_.defined() ? at::layer_norm(x, {x.size(-1)}, weight_, bias_, eps_)
                           : rms_norm(x, weight_, eps_);
}

DecoderLayer::DecoderLayer(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                           std::size_t index)
    : before_attention(reader, config, traits, fmt::format("model.layers.{}.input_layernorm", index)),
      attention(reader, config, traits, index),
      before_experts(reader, config, traits, fmt::format("model.layers.{}.post_attention_layernorm", index)),
      experts(reader, config, traits, index) {}

std::unique_ptr<LanguageModel> LanguageModel::load(std::filesystem::path const& folder,
                                                   ModelOptions const& options) {
    return std::make_unique<Decoder>(folder, options);
}

Decoder::Decoder(std::filesystem::path const& folder, ModelOptions const& options)
    : checkpoint_(Checkpoint::open(folder)),
      config_(read_config(folder)),
      traits_(traits_of(config_)),
      reader_(checkpoint_, config_, traits_, scalar_type(options.precision)),
      rope_(config_, traits_.rope, options.long_rope, scalar_type(options.precision)),
      long_rope_(options.long_rope) {
    embedding_ = reader_.read("model.embed_tokens.weight", {config_.vocab_size, config_.hidden_size});
    for (std::size_t layer = 0; layer < static_cast<std::size_t>(config_.layers); ++layer) {
        layers_.emplace_back(reader_, config_, traits_, layer);
    }
    final_norm_.emplace(reader_, config_, traits_, "model.norm");
    head_ = config_.tie_word_embeddings
                ? embedding_
                : reader_.read("lm_head.weight", {config_.vocab_size, config_.hidden_size});
    if (traits_.lm_head_bias) head_bias_ = reader_.read("lm_head.bias", {config_.vocab_size});
    refuse_surplus();
    describe(folder, options.precision);
}

void Decoder::refuse_surplus() const {
    for (auto const& name : checkpoint_.names()) {
        if (reader_.has_place_for(name)) continue;
        throw input_error(
            "model", fmt::format("tensor {} has no place in a model as config.json describes it (a setting "
                                 "such as num_hidden_layers or attention_bias must be wrong); use the config "
                                 "of this checkpoint",
                                 name));
    }
}

void Decoder::describe(std::filesystem::path const& folder, Precision precision) {
    auto const bytes = element_bytes(precision);
    auto const named = std::filesystem::absolute(folder).lexically_normal();
    facts_.name = (named.has_filename() ? named : named.parent_path()).filename().string();
    facts_.architecture = config_.model_type;
    facts_.layers = config_.layers;
    facts_.experts = static_cast<std::int32_t>(config_.experts);
    facts_.top_k = config_.top_k;
    facts_.hidden_size = config_.hidden_size;
    facts_.vocabulary = config_.vocab_size;
    for (auto const& name : checkpoint_.names()) facts_.parameters += checkpoint_.at(name).elements();
    facts_.row_bytes = config_.hidden_size * bytes;
    facts_.expert_bytes = 3 * config_.hidden_size * config_.intermediate_size * bytes;
}

std::shared_ptr<ExpertBank const> Decoder::load_experts(Assignment const& assignment, RankId rank) const {
    return std::make_shared<HostExpertBank>(reader_, layers_.size(), assignment, rank);
}

std::unique_ptr<ActivePolicy> Decoder::make_policy(std::string_view spec, std::uint64_t seed) const {
    return start_policy(spec, seed, facts_);
}

at::Tensor Decoder::checked_ids(Grid<std::int32_t, 2> const& tokens) const {
    for (auto const id : tokens.values()) {
        if (id >= 0 && id < config_.vocab_size) continue;
        throw input_error(
            "model",
            fmt::format("token id {} is outside the model's vocabulary of {} (tokenizer and model do "
                        "not belong together); use the model's own tokenizer",
                        id, config_.vocab_size));
    }
    auto const ids = at::from_blob(
        const_cast<std::int32_t*>(tokens.values().data()),
        {static_cast<std::int64_t>(tokens.extent(0)), static_cast<std::int64_t>(tokens.extent(1))}, at::kInt);
    return ids.to(at::kLong);
}

void Decoder::warn_when_long(std::int64_t positions) {
    if (warned_long_ || !rope_.is_long(positions)) return;
    warned_long_ = true;
    log_warning(fmt::format(
        "sequences of {} tokens exceed the model's original {} tokens; {}", positions,
        config_.rope.original_max_positions,
        long_rope_ == LongRope::transformers
            ? "short rope factors are kept, as transformers 5.17 does (--longrope config takes the long)"
            : "long rope factors are taken, unlike transformers 5.17"));
}

ForwardResult Decoder::empty_result(Grid<std::int32_t, 2> const& tokens, Wanted const& wanted) const {
    std::size_t const count = tokens.size(), layers = layers_.size();
    auto const top_k = static_cast<std::size_t>(config_.top_k),
               experts = static_cast<std::size_t>(config_.experts);
    ForwardResult result;
    result.routing = {facts_.experts, Grid<std::int32_t, 3>(layers, count, top_k)};
    result.rerouted.resize(layers);
    if (wanted.router) {
        result.router_logits = Grid<float, 3>(layers, count, experts);
        result.router_weights = Grid<float, 3>(layers, count, top_k);
    }
    if (wanted.read_out == ReadOut::keep)
        result.logits = Grid<float, 3>(tokens.extent(0), tokens.extent(1), config_.vocab_size);
    return result;
}

void Decoder::record(LayerRouting const& routing, std::size_t layer, Wanted const& wanted,
                     ForwardResult& result) const {
    auto const picks = routing.route.experts.to(at::kInt).contiguous();
    std::copy_n(picks.const_data_ptr<std::int32_t>(), picks.numel(), result.routing.picks.row(layer).begin());
    result.rerouted[layer] = routing.rerouted;
    if (!wanted.router) return;
    copy_out(routing.logits, result.router_logits.row(layer));
    copy_out(routing.route.weights, result.router_weights.row(layer));
}

void Decoder::read_out(at::Tensor const& hidden, at::Tensor const& ids, Wanted const& wanted,
                       ForwardResult& result) const {
    auto const positions = ids.size(1);
    // Position p - 1 predicts the token at p: without logits to keep, only rows that predict a target are
    // computed.
    auto const first = wanted.read_out != ReadOut::none ? 0 : wanted.first_target - 1;
    auto const logits =
        at::linear(hidden.narrow(1, first, positions - first), head_, head_bias_).to(at::kFloat);
    if (wanted.read_out == ReadOut::keep) copy_out(logits, result.logits.row());
    if (wanted.first_target < 1) return;
    auto const count = positions - wanted.first_target;
    auto const predicted =
        logits.narrow(1, wanted.first_target - 1 - first, count).reshape({-1, logits.size(-1)});
    auto const targets = ids.narrow(1, wanted.first_target, count).reshape({-1});
    auto const nll = at::cross_entropy_loss(predicted, targets, {}, at::Reduction::None);
    auto const of_sequence = nll.to(at::kDouble).view({ids.size(0), count}).sum(1);
    result.nll_of_sequence.assign(of_sequence.const_data_ptr<double>(),
                                  of_sequence.const_data_ptr<double>() + of_sequence.numel());
    result.nll_sum = sum(result.nll_of_sequence);
    result.targets = targets.numel();
}

ForwardResult Decoder::forward(Grid<std::int32_t, 2> const& tokens, ExpertParallel const& parallel,
                               Wanted const& wanted) {
    c10::InferenceMode const inference;
    at::Tensor ids;
    run_on_all(parallel.communicator, [&] { ids = checked_ids(tokens); });
    auto const sequences = ids.size(0), positions = ids.size(1);
    warn_when_long(positions);
    auto const& dispatcher = Registry<Dispatcher>::instance().at(parallel.dispatcher).value;
    auto* const policy = dynamic_cast<RunningPolicy*>(wanted.policy);
    auto result = empty_result(tokens, wanted);

    // A rank without sequences skips attention, never the exchanges.
    auto const& rope = rope_.table(positions);
    auto hidden = at::embedding(embedding_, ids);
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
        auto const& parts = layers_[layer];
        if (sequences > 0)
            hidden = hidden + parts.attention.forward(parts.before_attention.forward(hidden), rope);
        auto const rows =
            parts.before_experts.forward(hidden).view({sequences * positions, facts_.hidden_size});
        LayerRouting routing;
        auto const mixed =
            parts.experts.forward(rows, parallel, policy, dispatcher, wanted.observer, &routing);
        record(routing, layer, wanted, result);
        hidden = hidden + mixed.view_as(hidden);
    }
    if (policy != nullptr) policy->end_batch(parallel.communicator, result.routing);
    if (sequences > 0 && (wanted.read_out != ReadOut::none || wanted.first_target > 0)) {
        read_out(final_norm_->forward(hidden), ids, wanted, result);
    }
    return result;
}

}  // namespace moewire
