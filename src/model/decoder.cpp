#include "model/decoder.hpp"

#include <c10/core/InferenceMode.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/registry.hpp"
#include "model/permutation.hpp"
#include "model/running_policy.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

void copy_out(at::Tensor const& tensor, std::span<float> target) {
    auto const values = tensor.to(at::TensorOptions(at::kCPU).dtype(at::kFloat)).contiguous();
    std::copy_n(values.const_data_ptr<float>(), values.numel(), target.begin());
}

// In place, where no gradient wants the old value.
at::Tensor added(at::Tensor& sum, at::Tensor const& more) {
    return at::GradMode::is_enabled() ? sum + more : sum.add_(more);
}

}  // namespace

at::Tensor Decoder::checked_ids(Grid<std::int32_t, 2> const& tokens, DecoderCache const* cache) const {
    auto const sequences = static_cast<std::int64_t>(tokens.extent(0)),
               positions = static_cast<std::int64_t>(tokens.extent(1));
    for (auto const id : tokens.values()) {
        if (id >= 0 && id < origin_.config.vocab_size) continue;
        throw input_error(
            "model",
            fmt::format("token id {} is outside the model's vocabulary of {} (tokenizer and model do "
                        "not belong together); use the model's own tokenizer",
                        id, origin_.config.vocab_size));
    }
    if (cache != nullptr &&
        (cache->sequences() != sequences || cache->length() + positions > cache->capacity())) {
        throw usage_error(
            fmt::format("{} x {} tokens do not fit behind {} positions of {} sequences in a cache for {} "
                        "(every sequence goes "
                        "on alike); make a larger cache",
                        sequences, positions, cache->length(), cache->sequences(), cache->capacity()));
    }
    auto const ids =
        at::from_blob(const_cast<std::int32_t*>(tokens.values().data()), {sequences, positions}, at::kInt);
    return ids.to(at::TensorOptions(reader_.placement().device).dtype(at::kLong));
}

void Decoder::warn_when_long(std::int64_t positions) {
    if (warned_long_ || !rope_.is_long(positions)) return;
    warned_long_ = true;
    log_warning(fmt::format(
        "sequences of {} tokens exceed the model's original {} tokens; {}", positions,
        origin_.config.rope.original_max_positions,
        options_.long_rope == LongRope::transformers
            ? "short rope factors are kept, as transformers 5.17 does (--longrope config takes the long)"
            : "long rope factors are taken, unlike transformers 5.17"));
}

ForwardResult Decoder::empty_result(Grid<std::int32_t, 2> const& tokens, Wanted const& wanted) const {
    auto const& config = origin_.config;
    std::size_t const count = tokens.size(), layers = config.moe_layers.size();
    auto const top_k = static_cast<std::size_t>(config.top_k),
               experts = static_cast<std::size_t>(config.experts);
    ForwardResult result;
    result.routing = {facts_.experts, Grid<std::int32_t, 3>(layers, count, top_k)};
    result.rerouted.resize(layers);
    if (wanted.router) {
        result.router_logits = Grid<float, 3>(layers, count, experts);
        result.router_weights = Grid<float, 3>(layers, count, top_k);
    }
    if (wanted.read_out == ReadOut::keep)
        result.logits = Grid<float, 3>(tokens.extent(0), tokens.extent(1), config.vocab_size);
    if (wanted.read_out == ReadOut::last)
        result.logits = Grid<float, 3>(tokens.extent(0), 1, config.vocab_size);
    return result;
}

void Decoder::record(std::vector<LayerRouting> const& routings, Wanted const& wanted,
                     ForwardResult& result) const {
    // One copy for all layers: each would wait for the device.
    std::vector<at::Tensor> experts;
    for (auto const& routing : routings) experts.push_back(routing.route.experts);
    auto const picks = int32_on_host(at::stack(experts));
    std::copy_n(picks.const_data_ptr<std::int32_t>(), picks.numel(), result.routing.picks.row().begin());
    for (std::size_t layer = 0; layer < routings.size(); ++layer) {
        auto const& routing = routings[layer];
        if (routing.rerouted.defined()) result.rerouted[layer] = routing.rerouted.item<std::int64_t>();
        if (!wanted.router) continue;
        copy_out(routing.logits, result.router_logits.row(layer));
        copy_out(routing.route.weights, result.router_weights.row(layer));
    }
}

at::Tensor Decoder::logits_of(at::Tensor const& hidden) const {
    return product(hidden, head_, head_bias_).to(at::kFloat);
}

void Decoder::read_out(at::Tensor const& hidden, at::Tensor const& ids, Wanted const& wanted,
                       ForwardResult& result) const {
    auto const positions = ids.size(1);
    if (wanted.read_out == ReadOut::last && wanted.first_target < 1) {
        copy_out(logits_of(hidden.narrow(1, positions - 1, 1)), result.logits.row());
        return;
    }
    // Position p - 1 predicts the token at p: without logits to keep, only rows that predict a target are
    // computed.
    auto const first = wanted.read_out != ReadOut::none ? 0 : wanted.first_target - 1;
    auto const logits = logits_of(hidden.narrow(1, first, positions - first));
    if (wanted.read_out == ReadOut::keep) copy_out(logits, result.logits.row());
    if (wanted.read_out == ReadOut::last)
        copy_out(logits.narrow(1, logits.size(1) - 1, 1), result.logits.row());
    if (wanted.first_target < 1) return;
    auto const count = positions - wanted.first_target;
    auto const predicted =
        logits.narrow(1, wanted.first_target - 1 - first, count).reshape({-1, logits.size(-1)});
    auto const targets = ids.narrow(1, wanted.first_target, count).reshape({-1});
    auto const nll = at::cross_entropy_loss(predicted, targets, {}, at::Reduction::None);
    auto const of_sequence = nll.to(at::kDouble).view({ids.size(0), count}).sum(1).cpu();
    result.nll_of_sequence.assign(of_sequence.const_data_ptr<double>(),
                                  of_sequence.const_data_ptr<double>() + of_sequence.numel());
    result.nll_sum = sum(result.nll_of_sequence);
    result.targets = targets.numel();
}

at::Tensor Decoder::run_layers(at::Tensor const& ids, MoePass const& pass, DecoderCache* cache,
                               std::vector<LayerRouting>* routings) {
    auto const sequences = ids.size(0), positions = ids.size(1);
    auto const past = cache == nullptr ? 0 : cache->length();
    std::optional<StepScope> between;  // layers with experts: all that is none of their own steps
    std::int64_t next = 0;             // among the layers with experts
    auto const go_on = [&] {
        if (next < facts_.layers) between.emplace(pass.observer, make_id<LayerId>(next), Step::attention);
    };
    go_on();
    auto const rope = rope_.table(past, positions);
    auto hidden = at::embedding(embedding_, ids);
    for (std::size_t index = 0; index < layers_.size(); ++index) {
        auto const& layer = layers_[index];
        // A rank without sequences skips attention, never the exchanges.
        if (sequences > 0) {
            AttentionContext const context{rope, cache == nullptr ? nullptr : &cache->layer(index), past};
            hidden = added(hidden, layer.attention->forward(layer.before_attention.forward(hidden), context));
        }
        auto const rows =
            layer.before_experts.forward(hidden).view({sequences * positions, facts_.hidden_size});
        if (layer.dense) {
            hidden = added(hidden, layer.dense->forward(rows).view_as(hidden));
            continue;
        }
        between.reset();
        auto* const routing = routings == nullptr ? nullptr : &routings->emplace_back();
        auto const mixed = layer.experts->forward(rows, pass, routing);
        ++next;
        go_on();
        hidden = added(hidden, mixed.view_as(hidden));
    }
    if (cache != nullptr) cache->advance(positions);
    return hidden;
}

ForwardResult Decoder::forward(Grid<std::int32_t, 2> const& tokens, ExpertParallel const& parallel,
                               Wanted const& wanted) {
    c10::InferenceMode const inference;
    auto* const cache = dynamic_cast<DecoderCache*>(wanted.cache);
    at::Tensor ids;
    run_on_all(parallel.communicator, [&] { ids = checked_ids(tokens, cache); });
    warn_when_long(ids.size(1) + (cache == nullptr ? 0 : cache->length()));
    auto* const policy = dynamic_cast<RunningPolicy*>(wanted.policy);
    auto result = empty_result(tokens, wanted);
    std::vector<LayerRouting> routings;
    MoePass const pass{parallel, Registry<Dispatcher>::instance().at(parallel.dispatcher).value, policy,
                       wanted.observer};
    if (can_replay(ids, pass, cache)) return replay(ids, pass, *cache, wanted, std::move(result));
    auto const hidden = run_layers(ids, pass, cache, &routings);
    record(routings, wanted, result);
    if (policy != nullptr) policy->end_batch(parallel.communicator, result.routing);
    if (ids.size(0) > 0 && (wanted.read_out != ReadOut::none || wanted.first_target > 0)) {
        read_out(final_norm_->forward(hidden), ids, wanted, result);
    }
    return result;
}

}  // namespace moewire
