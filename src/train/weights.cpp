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
        fmt::format("unknown part '{}' (what shall learn?); use all, router, experts, "
                    "last:LAYERS or lora:RANK",
                    spec));
}

bool learns(TrainableTensor const& tensor, std::string const& spec, std::int64_t first_layer) {
    if (spec == "all") return true;
    if (spec == "router") return tensor.role == TensorRole::router;
    if (spec == "experts") return tensor.role == TensorRole::expert;
    return tensor.layer >= first_layer;
}

void add_moments(LearningTensor& one) {
    one.first = at::zeros_like(one.master);
    one.second = at::zeros_like(one.master);
    if (!one.gradient.defined()) one.gradient = at::zeros_like(one.master);
}

// Both halves of the change to one projection.
void add_low_rank(TrainableTensor const& of, LowRankOptions const& options, std::uint64_t seed,
                  std::vector<LearningTensor>& tensors) {
    auto const change = std::make_shared<LowRank const>(of.tensor, options, of.name, of.experts, seed);
    auto const add = [&](char const* half, at::Tensor const& values, at::Tensor const& gradient) {
        auto named = of;
        named.name += half;
        named.tensor = values;
        LearningTensor one;
        one.of = std::move(named);
        one.master = values;
        one.gradient = gradient;
        one.is_half = one.has_gradient = true;
        add_moments(one);
        tensors.push_back(std::move(one));
    };
    add(".lora_down", change->down, change->of_down);
    add(".lora_up", change->up, change->of_up);
    tensors.back().low_rank = change;
}

// Thin matrices beside every matrix of the experts, all else frozen.
std::vector<LearningTensor> low_rank_tensors(std::vector<TrainableTensor> const& all,
                                             LowRankOptions const& options, std::uint64_t seed) {
    std::vector<LearningTensor> tensors;
    for (auto const& candidate : all) {
        auto tensor = candidate.tensor;
        bool const changes = candidate.role == TensorRole::expert && candidate.is_matrix;
        tensor.requires_grad_(changes);
        if (changes) add_low_rank(candidate, options, seed, tensors);
    }
    return tensors;
}

}  // namespace

std::vector<LearningTensor> learning_tensors(std::vector<TrainableTensor> const& all, std::string const& spec,
                                             std::int64_t layers, std::uint64_t seed) {
    if (auto const options = low_rank_of(spec)) return low_rank_tensors(all, *options, seed);
    bool const is_word = spec == "all" || spec == "router" || spec == "experts";
    auto const first_layer = is_word ? 0 : std::max<std::int64_t>(0, layers - layers_of(spec));
    std::vector<LearningTensor> tensors;
    for (auto const& candidate : all) {
        auto tensor = candidate.tensor;
        tensor.requires_grad_(learns(candidate, spec, first_layer));
        if (!tensor.requires_grad()) continue;
        LearningTensor one;
        one.of = candidate;
        one.master = tensor.scalar_type() == at::kFloat ? tensor.detach() : tensor.detach().to(at::kFloat);
        add_moments(one);
        tensors.push_back(std::move(one));
    }
    return tensors;
}

void collect_gradients(std::vector<LearningTensor>& tensors) {
    std::vector<at::Tensor> sums, parts, fresh, narrow;
    for (auto& one : tensors) {
        if (one.low_rank) one.low_rank->collect();
        auto& gradient = one.of.tensor.mutable_grad();
        if (!gradient.defined()) continue;  // an expert without rows has none
        if (one.has_gradient) {
            sums.push_back(one.gradient);
            parts.push_back(gradient.to(at::kFloat));
        } else if (gradient.scalar_type() == at::kFloat) {  // nothing to add to: it is kept as it came
            one.gradient = gradient.contiguous();
        } else {
            fresh.push_back(one.gradient);
            narrow.push_back(gradient);
        }
        one.has_gradient = true;
        gradient = at::Tensor();
    }
    if (!fresh.empty()) at::_foreach_copy_(fresh, narrow);
    if (!sums.empty()) at::_foreach_add_(sums, parts);
}

void complete_gradients(std::vector<LearningTensor>& tensors) {
    for (auto& one : tensors) {
        if (!one.has_gradient) one.gradient.zero_();
    }
}

void forget_gradients(std::vector<LearningTensor>& tensors) {
    for (auto& one : tensors) {
        // Halves of a low-rank change add up where they are.
        if (one.is_half) one.gradient.zero_();
        one.has_gradient = one.is_half;
    }
}

void release(std::vector<LearningTensor>& tensors) {
    auto const let_go = [](at::Tensor tensor) {
        tensor.mutable_grad() = at::Tensor();
        tensor.requires_grad_(false);
    };
    for (auto& one : tensors) {
        let_go(one.of.tensor);
        if (one.low_rank) let_go(one.low_rank->tensor);
    }
}

void publish(std::vector<LearningTensor>& tensors) {
    std::vector<at::Tensor> computing, masters;
    for (auto& one : tensors) {
        if (one.low_rank) one.low_rank->merge();
        if (one.of.tensor.scalar_type() == at::kFloat) continue;  // its own master
        computing.push_back(one.of.tensor.detach());
        masters.push_back(one.master);
    }
    if (!computing.empty()) at::_foreach_copy_(computing, masters);
}

}  // namespace moewire
