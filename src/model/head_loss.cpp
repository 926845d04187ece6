#include "model/head_loss.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/blas.hpp"
#include "model/host_kernels.hpp"
#include "model/kernels.hpp"

namespace moewire {
namespace {

using blas::Lies;
using blas::Target;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Fewer would read and write the head's gradient more often than it saves reading logits.
constexpr std::int64_t least_rows_at_once = 128;

// The gradients of the sum are known as soon as a row's logits are: they are computed on the way in, and
// scaled on the way back.
struct HeadCrossEntropy : Function<HeadCrossEntropy> {
    static at::Tensor forward(AutogradContext* context, at::Tensor const& hidden, at::Tensor const& head,
                              std::optional<at::Tensor> const& bias, at::Tensor const& targets) {
        auto const rows = hidden.size(0), width = hidden.size(1), classes = head.size(0);
        auto const at_once = std::min(rows, std::max(least_rows_at_once, width));
        auto const of_hidden = hidden.requires_grad() ? at::empty_like(hidden) : at::Tensor();
        auto const of_head = head.requires_grad() ? at::empty_like(head) : at::Tensor();
        auto const of_bias = bias && bias->requires_grad() ? at::zeros_like(*bias) : at::Tensor();
        auto const room = at::empty({at_once, classes}, hidden.options());
        auto const *x = hidden.const_data_ptr<float>(), *w = head.const_data_ptr<float>();
        auto* const logits = room.mutable_data_ptr<float>();
        double nll = 0;
        for (std::int64_t begin = 0; begin < rows; begin += at_once) {
            auto const count = std::min(at_once, rows - begin);
            auto part = room.narrow(0, 0, count);
            if (bias) part.copy_(bias->expand_as(part));
            blas::multiply(count, classes, width, x + begin * width, Lies::straight, w, Lies::transposed,
                           logits, bias ? Target::added_to : Target::replaced);
            nll += host_kernels::cross_entropy_in_place(part, targets.narrow(0, begin, count));
            if (of_hidden.defined())
                blas::multiply(count, width, classes, logits, Lies::straight, w, Lies::straight,
                               of_hidden.mutable_data_ptr<float>() + begin * width);
            if (of_head.defined())
                blas::multiply(classes, width, count, logits, Lies::transposed, x + begin * width,
                               Lies::straight, of_head.mutable_data_ptr<float>(),
                               begin == 0 ? Target::replaced : Target::added_to);
            if (of_bias.defined()) of_bias.add_(part.sum(0));
        }
        context->save_for_backward({of_hidden, of_head, of_bias});
        return at::full({}, nll, hidden.options());
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto scaled = context->get_saved_variables();
        for (auto& one : scaled)
            if (one.defined()) one = one * gradients[0];
        return {scaled[0], scaled[1], scaled[2], {}};
    }
};

}  // namespace

at::Tensor head_cross_entropy(at::Tensor const& hidden, at::Tensor const& head, at::Tensor const& bias,
                              at::Tensor const& targets) {
    auto const rows = hidden.contiguous();
    bool const fits = [&] {
        at::NoGradGuard const no_gradients;  // which kernels look for
        return host_kernels::suit(rows) && blas::suits({rows, head}) &&
               rows.size(0) * head.size(0) < std::numeric_limits<int>::max();
    }();
    if (fits)
        return HeadCrossEntropy::apply(rows, head, bias.defined() ? std::optional(bias) : std::nullopt,
                                       targets);
    return at::cross_entropy_loss(product(rows, head, bias).to(at::kFloat), targets, {}, at::Reduction::Sum);
}

}  // namespace moewire
