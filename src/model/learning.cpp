// One pass that learns, layer by layer; layers may forget what they did, and do it again on the way back.
#include <charconv>
#include <limits>
#include <unordered_set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "model/decoder.hpp"
#include "model/head_loss.hpp"
#include "model/permutation.hpp"
#include "system/agreement.hpp"

namespace moewire {

// What a layer that forgets is called with, and again on the way back.
struct LayerCall : torch::CustomClassHolder {
    std::function<at::Tensor(at::Tensor const&, LayerRouting*)> run;
};

// A layer whose inside is not kept. Its second result are the router's logits, for losses on them; picks
// leave by `told`.
struct RecomputedLayer : torch::autograd::Function<RecomputedLayer> {
    static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                  at::Tensor const& hidden,
                                                  c10::intrusive_ptr<LayerCall> const& call,
                                                  LayerRouting* told) {
        context->save_for_backward({hidden});
        context->saved_data["call"] = c10::IValue::make_capsule(call);
        // With gradients, though they are dropped: the same kernels give the same numbers twice.
        c10::AutoGradMode const with_gradients(true);
        LayerRouting routing;
        auto const out = call->run(hidden.detach(), &routing).detach();
        told->route.experts = routing.route.experts;
        if (!routing.logits.defined()) return {out};
        return {out, routing.logits.detach()};
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        auto const call =
            c10::static_intrusive_pointer_cast<LayerCall>(context->saved_data["call"].toCapsule());
        auto const hidden = context->get_saved_variables()[0].detach().requires_grad_(true);
        c10::AutoGradMode const with_gradients(true);
        LayerRouting routing;
        auto const out = call->run(hidden, &routing);
        std::vector<at::Tensor> results{out}, seeds{gradients[0]};
        if (gradients.size() > 1 && gradients[1].defined() && routing.logits.requires_grad()) {
            results.push_back(routing.logits);
            seeds.push_back(gradients[1]);
        }
        torch::autograd::backward(results, seeds);
        return {hidden.grad(), {}, {}};
    }
};

namespace {

std::int64_t layer_of(std::string const& name) {
    constexpr std::string_view prefix = "model.layers.";
    std::int64_t layer = -1;
    if (name.starts_with(prefix))
        std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
    return layer;
}

bool ends_with_any(std::string const& name, std::vector<std::string> const& endings) {
    return std::any_of(endings.begin(), endings.end(),
                       [&](auto const& e) { return name.ends_with("." + e); });
}

at::Tensor normalised(at::Tensor const& shares, RouterKind kind) {
    if (kind != RouterKind::sigmoid) return shares;
    return shares / (shares.sum(-1, /*keepdim=*/true) + 1e-20);
}

}  // namespace

std::vector<TrainableTensor> Decoder::tensors(ExpertParallel const& parallel) const {
    std::vector<TrainableTensor> all;
    std::unordered_set<void const*> seen;
    for (auto const& p : reader_.parameters()) {
        bool const is_choice_bias = traits_.choice_bias && p.name.ends_with("." + *traits_.choice_bias);
        if (is_choice_bias || !seen.insert(p.tensor.unsafeGetTensorImpl()).second) continue;
        auto const role = ends_with_any(p.name, traits_.router_names) || p.name.ends_with(".router.bias")
                              ? TensorRole::router
                              : TensorRole::dense;
        all.push_back({p.name, p.tensor, role, layer_of(p.name), p.tensor.dim() > 1, {}});
    }
    auto const& bank = dynamic_cast<LoadedExperts const&>(parallel.experts);
    for (std::size_t index = 0; index < origin_.config.moe_layers.size(); ++index) {
        auto const id = make_id<LayerId>(index);
        auto const layer = origin_.config.moe_layers[index];
        auto const block = reader_.moe_block(layer) + ".experts.";
        auto const& w = bank.weights(id);
        auto const add = [&](std::string const& name, at::Tensor const& tensor, bool is_matrix) {
            if (tensor.defined())
                all.push_back({block + name, tensor, TensorRole::expert, layer, is_matrix, bank.experts(id)});
        };
        add("gate_up", w.gate_up, true);
        add("down", w.down, true);
        add("gate_up_bias", w.gate_up_bias, false);
        add("down_bias", w.down_bias, false);
    }
    return all;
}

at::Tensor Decoder::learn_layer(std::size_t index, at::Tensor const& hidden, MoePass const& pass,
                                LayerRouting* routing) {
    auto const& layer = layers_[index];
    auto const rope = rope_.table(0, hidden.size(1));
    AttentionContext const context{rope};
    auto const mixed = hidden + layer.attention->forward(layer.before_attention.forward(hidden), context);
    auto const rows = layer.before_experts.forward(mixed).view({-1, facts_.hidden_size});
    auto const result =
        layer.dense ? layer.dense->forward(rows) : layer.experts->forward(rows, pass, routing);
    return mixed + result.view_as(mixed);
}

void Decoder::end_batch(ActivePolicy& policy, ExpertParallel const& parallel,
                        TrainingPass const& pass) const {
    std::vector<at::Tensor> picks;
    for (auto const& layer : pass.layers) picks.push_back(layer.picks);
    auto const all = int32_on_host(at::stack(picks));
    Routing routing{facts_.experts, Grid<std::int32_t, 3>(all.size(0), all.size(1), all.size(2))};
    std::copy_n(all.const_data_ptr<std::int32_t>(), all.numel(), routing.picks.row().begin());
    dynamic_cast<RunningPolicy&>(policy).end_batch(parallel.communicator, routing);
}

TrainingPass Decoder::forward_to_learn(Grid<std::int32_t, 2> const& tokens, ExpertParallel const& parallel,
                                       LearningOptions const& options) {
    at::Tensor ids;
    run_on_all(parallel.communicator, [&] {
        if (tokens.extent(0) == 0 || tokens.extent(1) < 2)
            throw usage_error(
                "learning needs a sequence of two tokens on every rank (each takes part in every exchange, "
                "forward and back); give fewer ranks or a larger batch");
        if (parallel.dispatcher != "per_expert")
            throw usage_error(
                "gradients are known for the payload per_expert alone (others weigh on the way); use it");
        ids = checked_ids(tokens, nullptr);
    });
    c10::AutoGradMode const with_gradients(true);
    auto* const policy = dynamic_cast<RunningPolicy*>(options.policy);
    MoePass const pass{parallel, Registry<Dispatcher>::instance().at(parallel.dispatcher).value, policy};
    TrainingPass result;
    std::vector<at::Tensor> largest;  // of each layer, by magnitude; no number where one is none
    auto hidden = at::embedding(embedding_, ids);
    for (std::size_t index = 0; index < layers_.size(); ++index) {
        LayerRouting routing;
        // The first layer's input wants a gradient only where the embedding learns; a layer that forgets
        // needs one to be called again.
        if (options.activations == Activations::recompute && hidden.requires_grad()) {
            auto const call = c10::make_intrusive<LayerCall>();
            call->run = [this, index, pass](at::Tensor const& input, LayerRouting* told) {
                return learn_layer(index, input, pass, told);
            };
            auto const outputs = RecomputedLayer::apply(hidden, call, &routing);
            hidden = outputs[0];
            if (outputs.size() > 1) routing.logits = outputs[1];
        } else {
            hidden = learn_layer(index, hidden, pass, &routing);
        }
        largest.push_back(at::linalg_vector_norm(hidden.detach(), std::numeric_limits<double>::infinity()));
        if (layers_[index].dense) continue;
        auto const shares = normalised(layers_[index].experts->shares(routing.logits), traits_.router);
        result.layers.push_back({routing.logits, shares, routing.route.experts});
    }
    auto const count = ids.size(1) - 1;
    auto const rows = final_norm_->forward(hidden).narrow(1, 0, count).reshape({-1, facts_.hidden_size});
    result.nll_sum = head_cross_entropy(rows, head_, head_bias_, ids.narrow(1, 1, count).reshape({-1}));
    result.targets = ids.size(0) * count;
    result.sequences = ids.size(0);
    result.sound = at::stack(largest).isfinite();
    return result;
}

Trainable& trainable(LanguageModel& model) {
    if (auto* const found = dynamic_cast<Trainable*>(&model)) return *found;
    throw failure("model", "this model has no gradients (it is no decoder of ours); load it from a folder");
}

}  // namespace moewire
