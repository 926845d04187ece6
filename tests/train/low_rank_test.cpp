// Thin matrices beside frozen ones: their gradients against differences, their sum against the matrix
// product.
#include "train/low_rank.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "base/error.hpp"
#include "base/ids.hpp"

namespace moewire {
namespace {

constexpr std::int64_t experts = 3, out = 5, in = 4, rank = 2;
std::vector<ExpertId> const ids{make_id<ExpertId>(1), make_id<ExpertId>(4), make_id<ExpertId>(6)};

// Any smooth function of a matrix. Shape: [expert, out, in] -> scalar.
at::Tensor loss_of(at::Tensor const& matrix) {
    auto const weights = at::arange(matrix.numel(), matrix.options()).view(matrix.sizes()).mul(0.1).sin();
    return (matrix.tanh() * weights).sum() + matrix.square().sum() * 0.05;
}

LowRank some_change(double alpha = 3) {
    at::manual_seed(7);
    LowRank change(at::randn({experts, out, in}), {rank, alpha}, "layer", ids, 11);
    change.up.copy_(at::randn_like(change.up));
    change.merge();
    return change;
}

double loss_with(LowRank const& change, at::Tensor const& up, at::Tensor const& down) {
    return loss_of(change.base.to(at::kDouble) + change.scale * at::bmm(up, down)).item<double>();
}

TEST(LowRank, GradientsAreDifferences) {
    auto change = some_change();
    change.tensor.requires_grad_(true);
    auto const loss = loss_of(change.tensor);
    torch::autograd::backward({loss}, {at::ones_like(loss)});
    change.collect();
    EXPECT_FALSE(change.tensor.grad().defined());
    auto const up = change.up.to(at::kDouble), down = change.down.to(at::kDouble);
    constexpr double step = 1e-5;
    auto const check = [&](at::Tensor const& gradient, at::Tensor const& values) {
        auto const flat = values.view({-1});
        auto const found = gradient.reshape({-1});
        for (std::int64_t i = 0; i < flat.numel(); ++i) {
            double const was = flat[i].item<double>();
            flat[i] = was + step;
            double const above = loss_with(change, up, down);
            flat[i] = was - step;
            double const below = loss_with(change, up, down);
            flat[i] = was;
            double const expected = (above - below) / (2 * step);
            EXPECT_NEAR(found[i].item<double>(), expected, 1e-4 + 1e-4 * std::abs(expected)) << i;
        }
    };
    check(change.of_up, up);
    check(change.of_down, down);
}

TEST(LowRank, GradientsOfSeveralBatchesAddUp) {
    auto change = some_change();
    change.tensor.requires_grad_(true);
    at::Tensor once;
    for (int batch = 0; batch < 2; ++batch) {
        auto const loss = loss_of(change.tensor);
        torch::autograd::backward({loss}, {at::ones_like(loss)});
        change.collect();
        if (batch == 0) once = change.of_up.clone();
    }
    EXPECT_TRUE(at::allclose(change.of_up, 2 * once, 1e-5, 1e-6));
    change.collect();  // nothing new: nothing is added
    EXPECT_TRUE(at::allclose(change.of_up, 2 * once, 1e-5, 1e-6));
}

TEST(LowRank, TheSumIsWhatComputes) {
    auto const change = some_change();
    auto const product = at::bmm(change.up, change.down) * (3.0 / rank);
    EXPECT_TRUE(at::allclose(change.tensor, change.base + product, 1e-5, 1e-6));
    EXPECT_FALSE(change.tensor.equal(change.base));
}

TEST(LowRank, BeginsWithoutAChangeAndAlikeOnEveryRank) {
    auto const matrices = at::ones({experts, out, in});
    LowRank const all(matrices, {rank, rank}, "layer", ids, 11);
    all.merge();
    EXPECT_TRUE(all.tensor.equal(all.base));
    LowRank const last(matrices[2].unsqueeze(0), {rank, rank}, "layer", {ids[2]}, 11);
    EXPECT_TRUE(last.down[0].equal(all.down[2]));
    EXPECT_FALSE(all.down[0].equal(all.down[1]));
    EXPECT_LE(all.down.abs().max().item<float>(), 0.5);  // 1 / sqrt(4)
}

TEST(LowRank, Words) {
    EXPECT_FALSE(low_rank_of("experts"));
    EXPECT_FALSE(low_rank_of("loras"));
    EXPECT_EQ(low_rank_of("lora:8")->rank, 8);
    EXPECT_EQ(low_rank_of("lora:8")->alpha, 8);
    EXPECT_EQ(low_rank_of("lora:8:16")->alpha, 16);
    for (auto const* wrong : {"lora", "lora:", "lora:0", "lora:-2", "lora:x", "lora:2:", "lora:2:0",
                              "lora:2x", "lora:2:4:8", "lora:99999999999999999999"})
        EXPECT_THROW(low_rank_of(wrong), Error) << wrong;
}

}  // namespace
}  // namespace moewire
