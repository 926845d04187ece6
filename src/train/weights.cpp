#include "train/weights.hpp"

#include <charconv>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {
namespace {

// "last:2" -> 2.
std::int64_t layers_of(std::string const& spec) {
    constexpr std::string_view prefix = "last:";
    std::int64_t count = 0;
    auto const* const end = spec.data() + spec.size();
    if (spec.starts_with(prefix)) {
        auto const [rest, problem] = std::from_chars(spec.data() + prefix.size(), end, count);
        if (problem == std::errc{} && rest == end && count > 0) return count;
    }
    throw usage_error(
        fmt::format("unknown part '{}' (what shall learn?); use all, router, experts or last:LAYERS", spec));
}

bool learns(TrainableTensor const& tensor, std::string const& spec, std::int64_t first_layer) {
    if (spec == "all") return true;
    if (spec == "router") return tensor.role == TensorRole::router;
    if (spec == "experts") return tensor.role == TensorRole::expert;
    return tensor.layer >= first_layer;
}

}  // namespace

std::vector<LearningTensor> learning_tensors(std::vector<TrainableTensor> const& all, std::string const& spec,
                                             std::int64_t layers) {
    bool const is_word = spec == "all" || spec == "router" || spec == "experts";
    auto const first_layer = is_word ? 0 : std::max<std::int64_t>(0, layers - layers_of(spec));
    std::vector<LearningTensor> tensors;
    for (auto const& candidate : all) {
        auto tensor = candidate.tensor;
        tensor.requires_grad_(learns(candidate, spec, first_layer));
        if (!tensor.requires_grad()) continue;
        LearningTensor one{candidate, {}, {}, {}, {}};
        one.master = tensor.scalar_type() == at::kFloat ? tensor.detach() : tensor.detach().to(at::kFloat);
        one.first = at::zeros_like(one.master);
        one.second = at::zeros_like(one.master);
        one.gradient = at::zeros_like(one.master);
        tensors.push_back(std::move(one));
    }
    return tensors;
}

void collect_gradients(std::vector<LearningTensor>& tensors) {
    std::vector<at::Tensor> sums, parts;
    for (auto& one : tensors) {
        auto& gradient = one.of.tensor.mutable_grad();
        if (!gradient.defined()) continue;  // an expert without rows has none
        sums.push_back(one.gradient);
        parts.push_back(gradient.to(at::kFloat));
        gradient = at::Tensor();
    }
    if (!sums.empty()) at::_foreach_add_(sums, parts);
}

void publish(std::vector<LearningTensor>& tensors) {
    std::vector<at::Tensor> computing, masters;
    for (auto& one : tensors) {
        if (one.of.tensor.scalar_type() == at::kFloat) continue;  // its own master
        computing.push_back(one.of.tensor.detach());
        masters.push_back(one.master);
    }
    if (!computing.empty()) at::_foreach_copy_(computing, masters);
}

}  // namespace moewire
