#include "train/low_rank.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

// Uniform in +-1/sqrt(in), as linear layers begin. Shape: [expert, rank, in].
at::Tensor drawn(std::int64_t rank, std::int64_t in, std::string const& name,
                 std::vector<ExpertId> const& experts, std::uint64_t seed) {
    auto const result = at::empty({static_cast<std::int64_t>(experts.size()), rank, in}, at::kFloat);
    auto* value = result.mutable_data_ptr<float>();
    double const reach = 1 / std::sqrt(static_cast<double>(in));
    for (auto const expert : experts) {
        Random random(seed, fmt::format("lora {} {}", name, index_of(expert)));
        for (std::int64_t i = 0; i < rank * in; ++i)
            *value++ = static_cast<float>(reach * (2 * random.uniform() - 1));
    }
    return result;
}

}  // namespace

std::optional<LowRankOptions> low_rank_of(std::string const& spec) {
    if (spec != "lora" && !spec.starts_with("lora:")) return std::nullopt;
    LowRankOptions options;
    try {
        std::size_t used = 0;
        auto const rank = spec.substr(std::min<std::size_t>(5, spec.size()));
        options.rank = std::stoll(rank, &used);
        options.alpha = static_cast<double>(options.rank);
        if (used < rank.size() && rank[used] == ':') {
            std::size_t more = 0;
            options.alpha = std::stod(rank.substr(used + 1), &more);
            used += 1 + more;
        }
        if (used == rank.size() && options.rank > 0 && options.alpha > 0) return options;
    } catch (std::logic_error const&) {  // no number, or too large a one
    }
    throw usage_error(
        fmt::format("'{}' names no rank (how thin shall the matrices be?); use lora:RANK or lora:RANK:ALPHA, "
                    "such as lora:8 or lora:8:16",
                    spec));
}

LowRank::LowRank(at::Tensor computing, LowRankOptions const& options, std::string const& name,
                 std::vector<ExpertId> const& experts, std::uint64_t seed)
    : tensor(std::move(computing)),
      base(tensor.detach().clone()),
      scale(options.alpha / static_cast<double>(options.rank)) {
    auto const wide = base.options().dtype(at::kFloat);
    down = drawn(options.rank, base.size(2), name, experts, seed).to(wide);
    up = at::zeros({base.size(0), base.size(1), options.rank}, wide);
    of_down = at::zeros_like(down);
    of_up = at::zeros_like(up);
}

void LowRank::collect() const {
    auto& gradient = tensor.mutable_grad();
    if (!gradient.defined()) return;  // no row reached these experts
    at::NoGradGuard const no_gradients;
    auto const wide = gradient.to(at::kFloat);
    of_down.baddbmm_(up.transpose(1, 2), wide, 1, scale);
    of_up.baddbmm_(wide, down.transpose(1, 2), 1, scale);
    gradient = at::Tensor();
}

void LowRank::merge() const {
    at::NoGradGuard const no_gradients;
    tensor.detach().copy_(at::baddbmm(base.to(at::kFloat), up, down, 1, scale));
}

}  // namespace moewire
