#include "model/moe_block.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "model/derivatives.hpp"
#include "model/device_layer.hpp"
#include "model/permutation.hpp"
#include "model/row_exchange.hpp"

namespace moewire {
namespace {

// Policies keep their state on the host.
RouterOutput route_by_policy(RunningPolicy& policy, LayerId layer, RouterSettings settings,
                             at::Tensor const& logits) {
    if (logits.is_cpu()) return policy.route(layer, settings, logits);
    if (settings.choice_bias.defined()) settings.choice_bias = settings.choice_bias.cpu();
    auto const route = policy.route(layer, settings, logits.cpu());
    return {route.experts.to(logits.device()), route.weights.to(logits.device())};
}

at::Tensor count_rerouted(RouterSettings const& settings, at::Tensor const& logits,
                          RouterOutput const& route) {
    auto const native = route_natively(settings, logits).experts;
    auto const taken = native.unsqueeze(2).eq(route.experts.unsqueeze(1)).any(2);
    return taken.logical_not().sum();
}

}  // namespace

MoeBlock::MoeBlock(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                   std::size_t index, std::int64_t layer)
    : layer_(make_id<LayerId>(index)), router_in_fp32_(traits.router_in_fp32) {
    router_.kind = traits.router;
    router_.top_k = config.top_k;
    router_.renormalise = traits.renormalise_top_k;
    router_.jitter = config.router_jitter_noise;
    router_.weight_scale = traits.weight_scale;
    router_.group_score = traits.group_score;
    router_.groups = config.groups;
    auto const block = reader.moe_block(layer);
    std::vector<std::string> names;
    for (auto const& name : traits.router_names) names.push_back(block + "." + name);
    router_weight_ = reader.read(reader.first_existing(names), {config.experts, config.hidden_size});
    if (traits.router_bias) router_bias_ = reader.read(block + ".router.bias", {config.experts});
    if (traits.choice_bias)
        router_.choice_bias = reader.read_wide(block + "." + *traits.choice_bias, {config.experts});
    if (traits.shared_expert != SharedExpert::none) shared_.emplace(reader, config, traits, block);
}

LayerRouting MoeBlock::route(at::Tensor const& hidden, MoePass const& pass) const {
    StepScope const step(pass.observer, layer_, Step::router);
    auto const logits = router_in_fp32_ ? product(hidden.to(at::kFloat), router_weight_.to(at::kFloat))
                                        : product(hidden, router_weight_, router_bias_);
    if (pass.policy == nullptr) return {logits, route_natively(router_, logits), {}};
    auto const route = route_by_policy(*pass.policy, layer_, router_, logits);
    return {logits, route, count_rerouted(router_, logits, route)};
}

at::Tensor MoeBlock::forward(at::Tensor const& hidden, MoePass const& pass, LayerRouting* routing) const {
    auto const routed = route(hidden, pass);
    if (routing != nullptr) *routing = routed;
    bool const is_alone = pass.parallel.communicator.size() == 1 && pass.observer == nullptr;
    auto const result =
        is_alone ? alone(hidden, routed.route, dynamic_cast<LoadedExperts const&>(pass.parallel.experts))
                 : exchanged(hidden, routed.route, pass);
    if (!shared_) return result;
    StepScope const step(pass.observer, layer_, Step::shared);
    return result + shared_->forward(hidden);
}

at::Tensor MoeBlock::alone(at::Tensor const& hidden, RouterOutput const& route,
                           LoadedExperts const& bank) const {
    if (hidden.size(0) == 0) return hidden;
    auto const top_k = route.experts.size(1);
    // A dropped choice has weight 0: whichever expert computes it.
    auto const slots = bank.slot_of(layer_).index_select(0, route.experts.reshape({-1}).clamp_min(0));
    SlotOrder sorted;
    {
        at::NoGradGuard const integers;  // a kernel sorts them where no gradient could be wanted
        sorted = sort_by_slot(slots, bank.slots(layer_));
    }
    bool const learns = at::GradMode::is_enabled();
    auto rows = learns ? gathered_by_slot(hidden, sorted.order, sorted.place, top_k)
                       : hidden.index_select(0, at::floor_divide(sorted.order, top_k));
    auto const results = bank.can_group(rows) ? bank.compute_grouped(layer_, rows, sorted.slot_end)
                                              : bank.compute(layer_, rows, to_host(sorted.slot_end));
    rows.reset();  // their memory serves the sum
    if (learns)
        return combined_by_token(results, sorted.order, sorted.place, route.weights).to(hidden.scalar_type());
    return weighted_sum(results, sorted.place, route.weights, hidden.scalar_type());
}

at::Tensor MoeBlock::exchanged(at::Tensor const& hidden, RouterOutput const& route,
                               MoePass const& pass) const {
    if (plans_on_device(hidden, pass)) return exchanged_on_device(layer_, hidden, route, pass);
    auto const& parallel = pass.parallel;
    DispatchPlan plan;
    {
        StepScope const step(pass.observer, layer_, Step::counts);
        auto const picks = int32_on_host(route.experts);
        auto const weights =
            route.weights.detach().to(at::TensorOptions(at::kCPU).dtype(at::kFloat)).contiguous();
        auto const rows = static_cast<std::size_t>(picks.numel());
        plan = pass.dispatcher.plan({parallel.communicator,
                                     parallel.assignment,
                                     layer_,
                                     {picks.const_data_ptr<std::int32_t>(), rows},
                                     static_cast<std::size_t>(picks.size(-1)),
                                     {weights.const_data_ptr<float>(), rows},
                                     static_cast<std::int64_t>(hidden.size(1) * hidden.element_size())});
        plan.exchange = with_all_rows(std::move(plan.exchange), parallel.exchange, parallel.communicator);
        plan.exchange.layer = layer_;
    }
    at::Tensor home, away;
    {
        StepScope const step(pass.observer, layer_, Step::permute);
        home = permuted(hidden, plan);
    }
    {
        StepScope const step(pass.observer, layer_, Step::dispatch);
        away = exchange_rows(parallel.exchange, plan.exchange, home);
        home.reset();  // rows are many: their memory serves the next step
    }
    {
        StepScope const step(pass.observer, layer_, Step::experts);
        away = compute_away(dynamic_cast<LoadedExperts const&>(parallel.experts), away, plan);
    }
    {
        StepScope const step(pass.observer, layer_, Step::combine);
        home = exchange_rows(parallel.exchange, plan.exchange.reversed(), away);
        away.reset();
    }
    StepScope const step(pass.observer, layer_, Step::unpermute);
    if (hidden.size(0) == 0) return hidden;
    return unpermuted(home, route.weights, plan).to(hidden.scalar_type());
}

at::Tensor MoeBlock::compute_away(LoadedExperts const& bank, at::Tensor const& away,
                                  DispatchPlan const& plan) const {
    if (is_grouped(plan) && plan.away_weights.empty()) return bank.compute(layer_, away, plan.slot_end);
    auto const by_expert = index_tensor(plan.expert_order, away.device());
    auto const results = bank.compute(layer_, away.index_select(0, by_expert), plan.slot_end);
    if (!plan.away_weights.empty()) return weighted_away(results, by_expert, plan);
    return at::index_copy(away, 0, by_expert, results);
}

}  // namespace moewire
