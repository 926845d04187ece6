#include "train/optimizer.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "train/reduction.hpp"

namespace moewire {
namespace {

// Shape: [tensor], each its sum of squares.
at::Tensor squares_of(std::vector<LearningTensor> const& tensors) {
    std::vector<at::Tensor> gradients;
    for (auto const& one : tensors) gradients.push_back(one.gradient);
    return at::stack(at::_foreach_norm(gradients, 2)).square();
}

at::Tensor sum_where(at::Tensor const& squares, std::vector<LearningTensor> const& tensors,
                     std::function<bool(LearningTensor const&)> const& is_meant) {
    std::vector<float> mask;
    for (auto const& one : tensors) mask.push_back(is_meant(one) ? 1.0F : 0.0F);
    auto const chosen = at::tensor(mask).to(squares.device(), /*non_blocking=*/true).gt(0);
    return at::where(chosen, squares, at::zeros_like(squares)).sum();  // a NaN elsewhere is not meant
}

void update(std::vector<LearningTensor*> const& group, TrainerOptions const& o, double rate, double decay,
            std::int64_t step, at::Tensor const& scale, at::Tensor const& unsound) {
    if (group.empty()) return;
    std::vector<at::Tensor> masters, gradients, first, second, steps;
    auto const count = at::full({}, static_cast<double>(step), group.front()->master.options());
    for (auto* one : group) {
        masters.push_back(one->master);
        gradients.push_back(one->gradient);
        first.push_back(one->first);
        second.push_back(one->second);
        steps.push_back(count);
    }
    at::_fused_adamw_(masters, gradients, first, second, {}, steps, rate, o.beta1, o.beta2, decay, o.epsilon,
                      /*amsgrad=*/false, /*maximize=*/false, scale, unsound);
}

}  // namespace

GradientNorms reduce_gradients(std::vector<LearningTensor>& tensors, Communicator const& communicator) {
    complete_gradients(tensors);
    std::vector<at::Tensor> replicated;
    for (auto const& one : tensors) {
        if (!one.is_local()) replicated.push_back(one.gradient);
    }
    sum_in_place(replicated, communicator);
    auto const squares = squares_of(tensors);
    auto const routers =
        sum_where(squares, tensors, [](auto const& one) { return one.of.role == TensorRole::router; });
    if (communicator.size() == 1) return {squares.sum().sqrt(), routers.sqrt()};
    auto const is_local = [](LearningTensor const& one) { return one.is_local(); };
    auto const local = sum_where(squares, tensors, is_local);
    sum_in_place({local}, communicator);
    auto const dense = sum_where(squares, tensors, [&](auto const& one) { return !is_local(one); });
    return {(dense + local).sqrt(), routers.sqrt()};
}

void adamw_step(std::vector<LearningTensor>& tensors, GradientNorms const& norms,
                TrainerOptions const& options, double learning_rate, std::int64_t step) {
    auto const unsound = norms.all.isfinite().logical_not().to(at::kFloat);
    // Gradients are divided by this on the way in.
    auto const scale =
        options.clip_norm > 0 ? (norms.all / options.clip_norm).clamp_min(1) : at::ones_like(norms.all);
    std::vector<LearningTensor*> matrices, vectors;
    for (auto& one : tensors) (one.of.is_matrix ? matrices : vectors).push_back(&one);
    at::NoGradGuard const no_gradients;
    update(matrices, options, learning_rate, options.weight_decay, step, scale, unsound);
    update(vectors, options, learning_rate, 0, step, scale, unsound);
    forget_gradients(tensors);
    publish(tensors);
}

}  // namespace moewire
