// How does the loss change with the weights? Backward through every rank's exchanges.
#include <c10/core/GradMode.h>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "model/decoder.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

// Weights that gradients are wanted of, for as long as this lives.
class Leaves {
  public:
    void add(at::Tensor tensor) {
        if (!tensor.defined() || tensor.requires_grad()) return;
        tensor.requires_grad_(true);
        tensors_.push_back(std::move(tensor));
    }
    Leaves() = default;
    Leaves(Leaves const&) = delete;
    ~Leaves() {
        for (auto& tensor : tensors_) {
            tensor.mutable_grad() = at::Tensor();
            tensor.requires_grad_(false);
        }
    }

  private:
    std::vector<at::Tensor> tensors_;
};

at::Tensor gradient_of(at::Tensor const& tensor) {
    return tensor.grad().defined() ? tensor.grad() : at::zeros_like(tensor);
}

Gradient as_gradient(std::string name, at::Tensor const& values) {
    auto const wide = values.detach().to(at::kFloat).contiguous();
    auto const* data = wide.const_data_ptr<float>();
    return {std::move(name), wide.sizes().vec(), {data, data + wide.numel()}};
}

void add_experts(std::string const& block, ExpertNames const& names, std::vector<ExpertId> const& experts,
                 ExpertWeights const& weights, std::vector<Gradient>& into) {
    auto const gate_up = gradient_of(weights.gate_up), down = gradient_of(weights.down);
    for (std::size_t slot = 0; slot < experts.size(); ++slot) {
        auto const halves = gate_up[static_cast<std::int64_t>(slot)].chunk(2, 0);
        auto const name = [&](std::string const& part) {
            return fmt::format("{}.experts.{}.{}.weight", block, index_of(experts[slot]), part);
        };
        into.push_back(as_gradient(name(names.gate), halves[0]));
        into.push_back(as_gradient(name(names.up), halves[1]));
        into.push_back(as_gradient(name(names.down), down[static_cast<std::int64_t>(slot)]));
    }
}

}  // namespace

LossAndGradients Decoder::loss_and_gradients(Grid<std::int32_t, 2> const& tokens,
                                             ExpertParallel const& parallel) {
    auto const& communicator = parallel.communicator;
    auto const& bank = dynamic_cast<LoadedExperts const&>(parallel.experts);
    at::Tensor ids;
    run_on_all(communicator, [&] {
        if (tokens.extent(0) == 0 || tokens.extent(1) < 2)
            throw usage_error(
                "gradients need a sequence of two tokens on every rank (each takes part in every "
                "exchange, forward and back); give fewer ranks or more text");
        if (parallel.dispatcher != "per_expert")
            throw usage_error(
                "gradients are known for the payload per_expert alone (others weigh on the way); "
                "use it");
        ids = checked_ids(tokens, nullptr);
    });
    c10::AutoGradMode const with_gradients(true);
    Leaves leaves;
    for (auto const& parameter : reader_.parameters()) leaves.add(parameter.tensor);
    for (LayerId const layer : moewire::ids<LayerId>(static_cast<std::size_t>(facts_.layers))) {
        auto const& w = bank.weights(layer);
        for (auto const& tensor : {w.gate_up, w.down, w.gate_up_bias, w.down_bias}) leaves.add(tensor);
    }

    MoePass const pass{parallel, Registry<Dispatcher>::instance().at(parallel.dispatcher).value};
    auto const hidden = final_norm_->forward(run_layers(ids, pass, nullptr, nullptr));
    auto const count = ids.size(1) - 1;
    auto const logits = logits_of(hidden.narrow(1, 0, count)).reshape({-1, facts_.vocabulary});
    auto const targets = ids.narrow(1, 1, count).reshape({-1});
    auto const all_targets = communicator.sum(targets.numel());
    // Every rank's share of the mean over all: dense gradients are then summed over ranks, and an expert's
    // has every rank's tokens in it already.
    auto const loss =
        at::cross_entropy_loss(logits, targets, {}, at::Reduction::Sum) / static_cast<double>(all_targets);
    torch::autograd::backward({loss}, {at::ones_like(loss)});

    LossAndGradients result;
    result.loss = communicator.sum(loss.item<double>());
    for (auto const& parameter : reader_.parameters()) {
        auto gradient = as_gradient(parameter.name, parameter.part(gradient_of(parameter.tensor)));
        std::vector<double> wide(gradient.values.begin(), gradient.values.end());
        communicator.sum(std::span<double>(wide));
        gradient.values.assign(wide.begin(), wide.end());
        result.gradients.push_back(std::move(gradient));
    }
    for (std::size_t index = 0; index < origin_.config.moe_layers.size(); ++index) {
        auto const layer = make_id<LayerId>(index);
        add_experts(reader_.moe_block(origin_.config.moe_layers[index]), traits_.expert_names,
                    bank.experts(layer), bank.weights(layer), result.gradients);
    }
    return result;
}

}  // namespace moewire
