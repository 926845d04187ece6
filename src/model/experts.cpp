#include "model/experts.hpp"

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
    return plan.received_rows.extent(0) == 1;
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

at::Tensor MoeBlock::forward(at::Tensor const& hidden, ExpertParallel const& parallel,
                             RoutingPolicy const& policy, Dispatcher const& dispatcher,
                             StepObserver* observer, LayerRouting* routing) const {
    auto const tokens = hidden.size(0), width = hidden.size(1);
    auto const logits = at::linear(hidden, router_weight_);
    auto const route = policy.route(layer_, router_, logits);
    auto const top_k = route.experts.size(-1);
    if (routing != nullptr) *routing = {logits, route};

    DispatchPlan plan;
    {
        StepScope const step(observer, layer_, Step::counts);
        auto const picks = route.experts.to(at::kInt).contiguous();
        plan =
            dispatcher.plan(parallel.communicator, parallel.assignment, layer_,
                            {picks.const_data_ptr<std::int32_t>(), static_cast<std::size_t>(picks.numel())},
                            static_cast<std::int64_t>(width * hidden.element_size()));
    }
    auto const order = index_tensor(plan.send_order);
    at::Tensor home, away = at::empty({plan.exchange.total_receive_rows(), width}, hidden.options());
    {
        StepScope const step(observer, layer_, Step::permute);
        home = hidden.index_select(0, at::floor_divide(order, top_k));
    }
    {
        StepScope const step(observer, layer_, Step::dispatch);
        parallel.exchange.run(plan.exchange, bytes_of(home), writable_bytes_of(away));
    }
    {
        StepScope const step(observer, layer_, Step::experts);
        auto const& bank = dynamic_cast<HostExpertBank const&>(parallel.experts);
        if (is_grouped(plan)) {
            away = bank.compute(layer_, away, plan.slot_end);
        } else {
            auto const by_expert = index_tensor(plan.expert_order);
            auto const results = bank.compute(layer_, away.index_select(0, by_expert), plan.slot_end);
            away.index_copy_(0, by_expert, results);
        }
    }
    {
        StepScope const step(observer, layer_, Step::combine);
        parallel.exchange.run(plan.exchange.reversed(), bytes_of(away), writable_bytes_of(home));
    }
    StepScope const step(observer, layer_, Step::unpermute);
    // Each token's rows, gathered in the order of its choices, weighted and summed in fp32: one fused pass.
    auto const first_choice = at::arange(tokens, at::kLong).mul_(top_k);
    auto const mixed = at::embedding_bag(home.to(at::kFloat), index_tensor(plan.sent_position), first_choice,
                                         /*scale_grad_by_freq=*/false, /*mode sum=*/0, /*sparse=*/false,
                                         route.weights.to(at::kFloat).reshape({-1}));
    return std::get<0>(mixed).to(hidden.scalar_type());
}

}  // namespace moewire
