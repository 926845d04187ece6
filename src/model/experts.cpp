#include "model/experts.hpp"

#include <optional>

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace moewire {
namespace {

at::Tensor index_tensor(std::vector<std::int64_t> const& values) {
    // A view: the plan outlives every use within the layer.
    return at::from_blob(const_cast<std::int64_t*>(values.data()), {static_cast<std::int64_t>(values.size())},
                         at::kLong);
}

std::span<std::byte const> bytes_of(at::Tensor const& tensor) {
    return {static_cast<std::byte const*>(tensor.const_data_ptr()), tensor.nbytes()};
}

std::span<std::byte> writable_bytes_of(at::Tensor const& tensor) {
    return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

// Rows from one source arrive grouped by slot already: nothing to regroup.
bool is_grouped(DispatchPlan const& plan) {
    if (static_cast<std::int64_t>(plan.expert_order.size()) != plan.exchange.total_receive_rows())
        return false;
    for (std::size_t row = 0; row < plan.expert_order.size(); ++row) {
        if (plan.expert_order[row] != static_cast<std::int64_t>(row)) return false;
    }
    return true;
}

// Rows in send order. Padding repeats the first token: what it holds is never looked at.
at::Tensor permuted(at::Tensor const& hidden, DispatchPlan const& plan) {
    auto const order = index_tensor(plan.token_of_sent);
    if (hidden.size(0) == 0) return at::zeros({order.size(0), hidden.size(1)}, hidden.options());
    return hidden.index_select(0, order.clamp_min(0));
}

// Where several experts' results share a row, they are weighted here and summed in fp32.
at::Tensor weighted_away(at::Tensor const& results, at::Tensor const& by_expert, DispatchPlan const& plan) {
    auto const weights = at::from_blob(const_cast<float*>(plan.away_weights.data()),
                                       {static_cast<std::int64_t>(plan.away_weights.size()), 1}, at::kFloat);
    auto const rows = plan.exchange.total_receive_rows();
    return at::zeros({rows, results.size(1)}, results.options().dtype(at::kFloat))
        .index_add_(0, by_expert, results.to(at::kFloat) * weights)
        .to(results.scalar_type());
}

// Each token's answers, gathered in the order of its choices, weighted and summed in fp32: one fused pass.
at::Tensor unpermuted(at::Tensor const& home, at::Tensor const& weights, DispatchPlan const& plan) {
    std::optional<at::Tensor> of_answer;
    if (!plan.choice_of_answer.empty())
        of_answer = weights.to(at::kFloat).reshape({-1}).index_select(0, index_tensor(plan.choice_of_answer));
    return std::get<0>(at::embedding_bag(home.to(at::kFloat), index_tensor(plan.home_order),
                                         index_tensor(plan.home_start), /*scale_grad_by_freq=*/false,
                                         /*mode sum=*/0, /*sparse=*/false, of_answer));
}

}  // namespace

HostExpertBank::HostExpertBank(WeightReader const& reader, std::size_t layers, Assignment const& assignment,
                               RankId rank) {
    for (LayerId const layer : ids<LayerId>(layers)) {
        auto const experts = assignment.experts_on(layer, rank);
        auto const read = reader.read_experts(index_of(layer), experts);
        bytes_ += static_cast<std::int64_t>(read.gate_up.nbytes() + read.down.nbytes());
        auto& slots = slots_.emplace_back();
        for (std::int64_t slot = 0; slot < read.gate_up.size(0); ++slot) {
            slots.push_back({read.gate_up[slot], read.down[slot]});
        }
    }
}

at::Tensor HostExpertBank::compute(LayerId layer, at::Tensor const& rows,
                                   std::vector<std::int64_t> const& slot_end) const {
    auto results = at::empty_like(rows);
    std::int64_t begin = 0;
    for (std::size_t slot = 0; slot < slot_end.size(); begin = slot_end[slot++]) {
        auto const count = slot_end[slot] - begin;
        if (count == 0) continue;
        auto const& expert = slots_[index_of(layer)][slot];
        auto const halves = at::linear(rows.narrow(0, begin, count), expert.gate_up).chunk(2, -1);
        auto result = results.narrow(0, begin, count);
        at::linear_out(result, at::silu(halves[0]).mul_(halves[1]), expert.down);
    }
    return results;
}

MoeBlock::MoeBlock(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                   std::size_t layer)
    : layer_(make_id<LayerId>(layer)),
      router_{traits.router, config.top_k, traits.renormalise_top_k, config.router_jitter_noise} {
    std::vector<std::string> names;
    for (auto const& name : traits.router_names) names.push_back(reader.moe_block(layer) + "." + name);
    router_weight_ = reader.read(reader.first_existing(names), {config.experts, config.hidden_size});
}

at::Tensor MoeBlock::forward(at::Tensor const& hidden, ExpertParallel const& parallel, RunningPolicy* policy,
                             Dispatcher const& dispatcher, StepObserver* observer,
                             LayerRouting* routing) const {
    auto const logits = at::linear(hidden, router_weight_);
    auto const route =
        policy == nullptr ? route_natively(router_, logits) : policy->route(layer_, router_, logits);
    if (routing != nullptr) *routing = {logits, route, policy == nullptr ? 0 : count_rerouted(logits, route)};

    DispatchPlan plan;
    {
        StepScope const step(observer, layer_, Step::counts);
        auto const picks = route.experts.to(at::kInt).contiguous();
        auto const weights = route.weights.to(at::kFloat).contiguous();
        auto const rows = static_cast<std::size_t>(picks.numel());
        plan = dispatcher.plan({parallel.communicator,
                                parallel.assignment,
                                layer_,
                                {picks.const_data_ptr<std::int32_t>(), rows},
                                static_cast<std::size_t>(picks.size(-1)),
                                {weights.const_data_ptr<float>(), rows},
                                static_cast<std::int64_t>(hidden.size(1) * hidden.element_size())});
    }
    at::Tensor home, away = at::empty({plan.exchange.total_receive_rows(), hidden.size(1)}, hidden.options());
    {
        StepScope const step(observer, layer_, Step::permute);
        home = permuted(hidden, plan);
    }
    {
        StepScope const step(observer, layer_, Step::dispatch);
        parallel.exchange.run(plan.exchange, bytes_of(home), writable_bytes_of(away));
    }
    {
        StepScope const step(observer, layer_, Step::experts);
        away = compute_away(dynamic_cast<HostExpertBank const&>(parallel.experts), away, plan);
    }
    {
        StepScope const step(observer, layer_, Step::combine);
        parallel.exchange.run(plan.exchange.reversed(), bytes_of(away), writable_bytes_of(home));
    }
    StepScope const step(observer, layer_, Step::unpermute);
    if (hidden.size(0) == 0) return hidden;
    return unpermuted(home, route.weights, plan).to(hidden.scalar_type());
}

std::int64_t MoeBlock::count_rerouted(at::Tensor const& logits, RouterOutput const& route) const {
    auto const native = route_natively(router_, logits).experts;
    auto const taken = native.unsqueeze(2).eq(route.experts.unsqueeze(1)).any(2);
    return taken.numel() - taken.sum().item<std::int64_t>();
}

at::Tensor MoeBlock::compute_away(HostExpertBank const& bank, at::Tensor const& away,
                                  DispatchPlan const& plan) const {
    if (is_grouped(plan) && plan.away_weights.empty()) return bank.compute(layer_, away, plan.slot_end);
    auto const by_expert = index_tensor(plan.expert_order);
    auto const results = bank.compute(layer_, away.index_select(0, by_expert), plan.slot_end);
    if (!plan.away_weights.empty()) return weighted_away(results, by_expert, plan);
    return away.index_copy(0, by_expert, results);
}

}  // namespace moewire
